import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extras import EXTRAS, extra_matrix
from tests.support.texts import anything


def value(name: str, text: str, sender: str = "") -> float:
    return float(extra_matrix([text], [sender])[0, EXTRAS.index(name)])


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Your code is 482913.", 1),
        ("G-482913 is your code", 1),
        ("use 123-456 now", 1),
        ("call 08002586161", 0),
        ("paid Rs.2,500.00 on 12-11-2024", 0),
        ("at 12:30 on 2024/11/12", 0),
        ("see http://a.example/1234", 0),
    ],
)
def test_code_shapes_are_codes_and_not_phones_amounts_or_dates(text: str, codes: int) -> None:
    assert value("code_shapes", text) == codes


@pytest.mark.parametrize(
    ("sender", "column"),
    [
        ("", "sender_missing"),
        ("57575", "sender_short_code"),
        ("VM-HDFCBK", "sender_name"),
        ("+447700900123", "sender_phone"),
    ],
)
def test_a_sender_is_of_one_kind(sender: str, column: str) -> None:
    kinds = [name for name in EXTRAS if name.startswith("sender_") and value(name, "hi", sender)]
    assert kinds == [column]


@pytest.mark.parametrize(
    "text", ["Ваш код 1234", "คุณได้รับรหัส 1234", "您的验证码是1234", "Su código es 1234", "your code is 1234"]
)
def test_the_word_for_code_is_known_in_many_languages(text: str) -> None:
    assert value("has_code_word", text) == 1.0


@given(st.lists(st.tuples(anything, anything), max_size=5))
def test_features_are_finite_and_bounded(messages: list[tuple[str, str]]) -> None:
    matrix = extra_matrix([text for text, _ in messages], [sender for _, sender in messages])
    assert matrix.shape == (len(messages), len(EXTRAS))
    assert ((matrix >= 0) & (matrix <= 4)).all()
