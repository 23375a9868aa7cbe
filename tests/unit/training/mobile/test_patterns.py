import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline import extras
from pipeline.heuristics import SENDER_HEURISTICS, TEXT_HEURISTICS, PatternSet
from training.mobile.patterns import of_python, of_re2

_PATTERNS = [*(h.pattern for h in TEXT_HEURISTICS + SENDER_HEURISTICS), *extras.PATTERNS]
_SETS = [PatternSet([pattern]) for pattern in _PATTERNS]
_PORTABLE = [re.compile(of_re2(pattern), re.IGNORECASE) for pattern in _PATTERNS]

#: Words that the patterns are about, between letters and digits that engines disagree on.
_WORDS = [
    "otp",
    "code",
    "код",
    "win",
    "rs",
    "rs.",
    "sbi",
    "bit.ly",
    "a.top/x",
    "https://1.2.3.4",
    "12345",
    "never share",
]
_JOINTS = [" ", "", "é", "क", "٣", "_", ".", "/", "ß", "x", "-"]
texts = st.lists(st.one_of(st.sampled_from(_WORDS), st.sampled_from(_JOINTS), st.text("aZ é٣_.", max_size=4))).map(
    "".join
)


@given(texts)
@example("éotp")
@example("अotp٣")
@example("rs ٣")
def test_the_portable_spelling_finds_what_re2_finds(text: str) -> None:
    found = [bool(each.search(text)) for each in _PORTABLE]
    assert found == [bool(each.matches(text)) for each in _SETS]


@pytest.mark.parametrize("pattern", _PATTERNS)
def test_nothing_is_left_that_engines_read_differently(pattern: str) -> None:
    assert re.search(r"\\[dwsbDWSB]", of_re2(pattern)) is None


def test_classes_of_python_become_those_of_unicode() -> None:
    assert of_python(r"\d{4}(?![\w/]|[.,]\d)") == r"[\p{Nd}]{4}(?![\p{L}\p{N}_/]|[.,][\p{Nd}])"


def test_braces_and_controls_within_brackets_are_spelt_by_number() -> None:
    assert of_python("[\x00-/{-©]a{2}") == r"[\u0000-/\u007b-©]a{2}"


def test_the_edge_of_a_word_of_python_is_refused() -> None:
    with pytest.raises(AssertionError):
        of_python(r"\bcode")
