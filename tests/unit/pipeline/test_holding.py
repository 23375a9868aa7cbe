"""What goes to make room."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.holding import KEPT_S, Held, to_unload

REFS = [f"distilbert/{i}" for i in range(6)]
held_versions = st.dictionaries(st.sampled_from(REFS), st.builds(Held, st.integers(1, 100), st.floats(0, 1e6)))
LATER = 1e6 + 2 * KEPT_S


@given(held_versions, st.sets(st.sampled_from(REFS)), st.integers(0, 200), st.integers(0, 700))
def test_room_is_made_of_what_nobody_wants_and_only_as_much_as_needed(
    held: dict[str, Held], wanted: set[str], need: int, budget: int
):
    going = to_unload(held, wanted, need, budget, LATER)
    kept = sum(each.bytes for ref, each in held.items() if ref in wanted)
    if going is None:
        assert kept + need > budget
        return
    left = {ref: each for ref, each in held.items() if ref not in going}
    assert sum(each.bytes for each in left.values()) + need <= budget
    assert not wanted & set(going)
    if going:
        assert sum(each.bytes for each in left.values()) + held[going[-1]].bytes + need > budget


def test_those_that_were_not_wanted_for_longest_go_first():
    held = {"a/1": Held(10, 3.0), "b/1": Held(10, 1.0), "c/1": Held(10, 2.0)}
    assert to_unload(held, (), 15, 30, LATER) == ["b/1", "c/1"]


def test_what_was_wanted_a_moment_ago_stays():
    held = {"a/1": Held(10, 100.0), "b/1": Held(10, 100.0 + KEPT_S)}
    assert to_unload(held, (), 10, 20, 101.0 + KEPT_S) == ["a/1"]
    assert to_unload(held, (), 20, 20, 101.0 + KEPT_S) is None
