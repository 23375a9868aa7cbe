"""What an experiment becomes, whatever is asked in whatever order."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import changes
from pipeline.errors import InvalidField, NotFound
from pipeline.guardrails import Step
from pipeline.ramps import Ramp
from pipeline.routing import Experiment, check_arms
from pipeline.trail import Setup

A, B, C = "m/1", "m/2", "m/3"
DEFAULT = "m/0"
NOTHING = changes.nothing("spam", "salt")

Change = Callable[[Experiment], Experiment]


def running(arms: dict[str, float], **setup: object) -> Experiment:
    return changes.put(NOTHING, Setup(arms, **setup))


def then(old: Experiment, *made: Change) -> Experiment:
    for change in made:
        old = change(old)
    return old


def put(arms: dict[str, float], **setup: object) -> Change:
    return lambda old: changes.put(old, Setup(arms, **setup))


versions = st.sampled_from([A, B, C, DEFAULT])
weights = st.dictionaries(versions, st.floats(0, 100), min_size=1).filter(lambda arms: any(arms.values()))
ramps = st.builds(
    Ramp, versions, st.sampled_from([(Step(0.01), Step(1.0)), (Step(0.1), Step(0.7), Step(1.0)), (Step(1.0),)])
)
any_change: st.SearchStrategy[Change] = st.one_of(
    st.builds(
        lambda arms, sticky_by, shadow: put(arms, sticky_by=sticky_by, shadow=shadow),
        weights,
        st.sampled_from(["sender", "message"]),
        st.dictionaries(versions, st.floats(0, 1)),
    ),
    st.just(changes.end),
    versions.map(lambda version: lambda old: changes.promote(old, version)),
    versions.map(lambda earlier: lambda old: changes.rollback(old, earlier)),
    ramps.map(lambda ramp: lambda old: changes.start_ramp(old, ramp, default=DEFAULT)),
    st.integers(0, 2).map(lambda step: lambda old: changes.advance(old, step, 7.0)),
    versions.map(lambda version: lambda old: changes.stop(old, version)),
)


def apply(old: Experiment, change: Change) -> Experiment | None:
    """None: it was refused."""
    try:
        return change(old)
    except (InvalidField, NotFound):
        return None


@given(st.lists(any_change, max_size=12))
def test_every_experiment_is_whole(made: list[Change]) -> None:
    old = NOTHING
    for change in made:
        new = apply(old, change)
        if new is None:
            continue
        assert (new.task, new.salt, new.revision) == (old.task, old.salt, old.revision + 1)
        assert new.began.keys() == new.arms.keys() - {new.control}
        if new.arms:
            check_arms(new.arms, new.shadow)
            assert new.control in new.arms
        else:
            assert new == Experiment("spam", {}, old.sticky_by, "salt", new.revision)
        if new.ramp:
            assert new.arms[new.ramp.version] == new.ramp.share
            assert sum(new.arms.values()) == pytest.approx(1.0)
            assert new.ramp.version in new.began
        old = new


@given(st.lists(any_change, max_size=12))
def test_a_comparison_lasts_as_long_as_both_versions_stay(made: list[Change]) -> None:
    """Its beginning is a revision at which the arm was new, or at which what it is compared with was."""
    past, old = {0: NOTHING}, NOTHING
    for change in made:
        old = apply(old, change) or old
        past[old.revision] = old
        for arm, since in old.began.items():
            together = [past[revision] for revision in range(since, old.revision + 1)]
            assert all(arm in each.arms and each.control == old.control for each in together)
            assert len({each.sticky_by for each in together}) == 1
            before = past[since - 1]
            ramp = past[since].ramp
            starts_ramp = ramp is not None and (ramp.version, ramp.step) == (arm, 0)
            assert (
                arm not in before.began
                or before.control != old.control
                or before.sticky_by != old.sticky_by
                or (starts_ramp)
            )


@pytest.mark.parametrize(
    ("old", "arms", "default", "control"),
    [
        (NOTHING, {A: 90, B: 10}, "", A),
        (NOTHING, {A: 90, B: 10}, B, B),
        (NOTHING, {A: 90, B: 10}, C, A),
        (NOTHING, {B: 50, A: 50}, "", A),
        (running({A: 90, B: 10}), {A: 1, B: 99}, B, A),  # the previous one goes before the default
        (running({A: 90, B: 10}), {B: 99, C: 1}, C, C),
        (running({A: 90, B: 10}, control=B), {A: 99, B: 0}, A, B),
        (changes.end(running({A: 90, B: 10})), {A: 1, B: 99}, "", B),
    ],
)
def test_who_is_the_control_where_nobody_says(
    old: Experiment, arms: dict[str, float], default: str, control: str
) -> None:
    assert changes.put(old, Setup(arms), default).control == control


def test_a_control_that_is_no_arm_is_refused() -> None:
    with pytest.raises(InvalidField) as refused:
        changes.put(NOTHING, Setup({A: 1}, control=B))
    assert refused.value.field == "$.control"


def test_comparisons_begin_when_arms_join_and_anew_with_another_control() -> None:
    first = running({A: 90, B: 10})
    assert first.began == {B: 1}
    second = changes.put(first, Setup({A: 50, B: 25, C: 25}))
    assert second.began == {B: 1, C: 2}
    assert changes.put(second, Setup({A: 1, B: 0, C: 1})).began == {B: 1, C: 2}, "an arm may rest without weight"
    assert then(second, put({A: 1, C: 1}), put({A: 1, B: 1, C: 1})).began == {B: 4, C: 2}
    assert changes.put(second, Setup(second.arms, control=C)).began == {A: 3, B: 3}
    assert changes.put(second, Setup(second.arms, sticky_by="message")).began == {B: 3, C: 3}, "everybody is reshuffled"


def test_an_end_and_what_comes_after() -> None:
    ended = changes.end(running({A: 1, B: 1}, shadow={C: 0.5}))
    assert ended == Experiment("spam", {}, "sender", "salt", 2)
    again = changes.put(ended, Setup({A: 1, B: 1}))
    assert (again.salt, again.revision, again.began) == ("salt", 3, {B: 3})
    for old in (NOTHING, ended):
        with pytest.raises(NotFound, match="no experiment for spam"):
            changes.end(old)


def test_a_promotion_leaves_one_arm() -> None:
    promoted = changes.promote(running({A: 90, B: 10}, sticky_by="recipient", shadow={B: 0.1, C: 0.2}), B)
    assert promoted == Experiment("spam", {B: 1.0}, "recipient", "salt", 2, {C: 0.2}, B)
    assert changes.promote(NOTHING, B).control == B


def test_a_rollback_rests_the_other_arms() -> None:
    back = changes.rollback(running({A: 10, B: 60, C: 30}, control=A), "")
    assert (back.arms, back.control, back.began) == ({A: 1.0, B: 0.0, C: 0.0}, A, {B: 1, C: 1})
    assert changes.is_settled(back)


def test_a_settled_experiment_goes_back_to_the_earlier_control() -> None:
    settled = changes.promote(running({A: 90, B: 10}), B)
    back = changes.rollback(settled, A)
    assert (back.arms, back.control) == ({A: 1.0}, A)
    with pytest.raises(NotFound, match="no promotion before it"):
        changes.rollback(settled, "")
    with pytest.raises(NotFound, match="no experiment"):
        changes.rollback(changes.end(settled), A)


RAMP = Ramp(B, (Step(0.01), Step(0.25), Step(1.0)), since=5.0)


def test_a_ramp_shares_with_the_control_alone_and_begins_anew() -> None:
    old = running({A: 50, B: 25, C: 25}, control=A)
    ramped = changes.start_ramp(old, RAMP)
    assert (ramped.arms, ramped.began, ramped.ramp) == ({A: 0.99, B: 0.01, C: 0.0}, {B: 2, C: 1}, RAMP)
    further = changes.advance(ramped, 1, 9.0)
    assert (further.arms, further.began) == ({A: 0.75, B: 0.25, C: 0.0}, {B: 2, C: 1})
    assert further.ramp == msgspec.structs.replace(RAMP, step=1, since=9.0)
    assert changes.advance(further, 2, 11.0).arms == {A: 0.0, B: 1.0, C: 0.0}
    assert changes.start_ramp(further, RAMP).began == {B: 4, C: 1}


def test_a_ramp_where_there_is_no_experiment_compares_with_the_default() -> None:
    ramped = changes.start_ramp(NOTHING, RAMP, default=A, sticky_by="message")
    assert (ramped.arms, ramped.control, ramped.sticky_by) == ({A: 0.99, B: 0.01}, A, "message")


@pytest.mark.parametrize(
    ("old", "ramp", "default", "field"),
    [
        (running({B: 1}), RAMP, A, "$.version"),
        (NOTHING, RAMP, B, "$.version"),
        (NOTHING, RAMP, "", "$.version"),
        (running({A: 1}), Ramp(B, (Step(0.1), Step(0.5))), "", "$.steps"),
    ],
)
def test_ramps_that_lead_nowhere_are_refused(old: Experiment, ramp: Ramp, default: str, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        changes.start_ramp(old, ramp, default=default)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "change",
    [put({A: 50, B: 50}), lambda old: changes.promote(old, B), lambda old: changes.rollback(old, ""), changes.end],
)
def test_a_change_by_hand_ends_a_ramp(change: Change) -> None:
    assert then(running({A: 1}), lambda old: changes.start_ramp(old, RAMP), change).ramp is None


def test_only_a_ramp_under_way_advances_and_only_by_its_steps() -> None:
    with pytest.raises(NotFound, match="no ramp"):
        changes.advance(running({A: 1, B: 1}), 1, 0.0)
    with pytest.raises(InvalidField):
        changes.advance(changes.start_ramp(running({A: 1}), RAMP), 3, 0.0)


def test_a_stopped_treatment_rests_and_the_others_share_on() -> None:
    old = running({A: 60, B: 20, C: 20})
    stopped = changes.stop(old, B)
    assert (stopped.arms, stopped.began, stopped.control) == ({A: 60, B: 0, C: 20}, old.began, A)
    assert changes.stop(running({A: 0, B: 1}, control=A), B).arms == {A: 1.0, B: 0.0}
    for unknown in (A, "m/9"):
        with pytest.raises(NotFound):
            changes.stop(old, unknown)


def test_a_stopped_ramp_ends_with_all_traffic_at_the_control() -> None:
    at_the_top = then(
        running({A: 1}), lambda old: changes.start_ramp(old, RAMP), lambda old: changes.advance(old, 2, 0)
    )
    stopped = changes.stop(at_the_top, B)
    assert (stopped.arms, stopped.ramp, stopped.control) == ({A: 1.0, B: 0.0}, None, A)


def test_another_treatments_ramp_goes_on() -> None:
    ramped = changes.start_ramp(running({A: 50, C: 50}, control=A), RAMP)
    stopped = changes.stop(ramped, C)
    assert (stopped.ramp, stopped.arms) == (RAMP, ramped.arms)
