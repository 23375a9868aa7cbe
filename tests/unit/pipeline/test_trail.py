import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.trail import Turn, earlier_control

DEFAULT = "m/0"


def turns(*made: tuple[str, str, str]) -> list[Turn]:
    """From entries in the order in which they were made."""
    return [Turn(*each) for each in reversed(made)]


SET, PROMOTE, BACK = "set", "promote", "rollback"


@pytest.mark.parametrize(
    ("made", "earlier"),
    [
        ([], ""),
        ([(SET, "", "a")], DEFAULT),
        ([(SET, "", DEFAULT)], ""),
        ([(SET, "", "a"), (PROMOTE, "a", "b")], "a"),
        ([(SET, "", "a"), (SET, "a", "b")], "a"),
        ([(SET, "", "a"), (PROMOTE, "a", "b"), (BACK, "b", "a")], DEFAULT),
        ([(SET, "", "a"), (PROMOTE, "a", "b"), (PROMOTE, "b", "c"), (BACK, "c", "b")], "a"),
        ([(SET, "", "a"), (PROMOTE, "a", "b"), (BACK, "b", "a"), (BACK, "a", DEFAULT)], ""),
        ([(SET, "", "a"), (PROMOTE, "a", "b"), (BACK, "b", "a"), (PROMOTE, "a", "b")], "a"),
        ([(SET, "", "a"), (PROMOTE, "a", "b"), (PROMOTE, "b", "a")], "b"),  # promoted again: back is to what was before
        ([(SET, "", "a"), ("end", "a", ""), (SET, "", "b")], DEFAULT),
        ([(SET, "", "a"), ("end", "a", ""), (SET, "", "b"), (BACK, "b", DEFAULT)], ""),
        ([(PROMOTE, "", "a"), (BACK, "a", DEFAULT), (PROMOTE, DEFAULT, "b")], DEFAULT),
    ],
    ids=str,
)
def test_where_a_rollback_leads(made: list[tuple[str, str, str]], earlier: str) -> None:
    assert earlier_control(turns(*made), DEFAULT) == earlier


def test_without_a_default_the_first_control_is_the_end() -> None:
    assert earlier_control(turns((SET, "", "a"))) == ""


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), st.data())
def test_promotions_and_rollbacks_are_a_stack(promoted: list[str], data: st.DataObject) -> None:
    stack, trail = ["x"], [Turn("set", "", "x")]
    for version in promoted:
        if data.draw(st.booleans()) and len(stack) > 1:
            current = stack.pop()
            trail.insert(0, Turn("rollback", current, stack[-1]))
        elif version != stack[-1]:
            trail.insert(0, Turn("promote", stack[-1], version))
            stack.append(version)
        assert earlier_control(trail) == (stack[-2] if len(stack) > 1 else "")
