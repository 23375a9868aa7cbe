import pytest

from pipeline.errors import describe
from pipeline.links import refang


def test_an_error_is_described_by_kind_and_place_without_its_words() -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        int("secret")
    assert describe(caught.value) == f"ValueError at pipeline/test_errors.py:{caught.traceback[-1].lineno + 1}"


def test_the_place_is_where_it_was_raised() -> None:
    with pytest.raises(TypeError) as caught:
        refang(b"secret")  # type: ignore[arg-type]
    assert describe(caught.value).startswith("TypeError at pipeline/links.py:")


def test_an_error_that_nobody_raised_has_no_place() -> None:
    assert describe(KeyError("secret")) == "KeyError"
