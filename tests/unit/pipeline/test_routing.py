import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InvalidField
from pipeline.routing import Experiment, check_arms, choose, copies, in_force, sticky_key

KEYS = [f"+4479{i:08d}" for i in range(20_000)]

arms = st.dictionaries(
    st.text("abcdefgh/", min_size=1, max_size=6), st.floats(0.0, 1e6), min_size=1, max_size=6
).filter(lambda weights: any(weights.values()))


def experiment(weights: dict[str, float], salt: str = "salt") -> Experiment:
    return Experiment("spam", weights, "sender", salt, 1)


@pytest.mark.parametrize("salt", ["a", "b", "winnow"])
@pytest.mark.parametrize(
    "weights", [{"m/1": 50, "m/2": 50}, {"m/1": 99, "m/2": 1}, {"m/1": 0.2, "m/2": 0.3, "m/3": 0.5}]
)
def test_shares_follow_weights_within_three_sigma(weights: dict[str, float], salt: str) -> None:
    chosen = [choose(experiment(weights, salt), key) for key in KEYS]
    for arm, weight in weights.items():
        p = weight / sum(weights.values())
        assert abs(chosen.count(arm) - len(KEYS) * p) <= 3 * math.sqrt(len(KEYS) * p * (1 - p))


@given(arms, st.text())
def test_the_same_key_always_gets_the_same_arm_in_whatever_order_arms_are_kept(
    weights: dict[str, float], key: str
) -> None:
    backwards = dict(reversed(weights.items()))
    assert choose(experiment(weights), key) == choose(experiment(backwards), key)


@given(arms, st.text())
def test_an_arm_without_weight_is_never_chosen(weights: dict[str, float], key: str) -> None:
    assert weights[choose(experiment(weights), key)] > 0.0


@given(arms, st.text(), st.floats(1.0, 100.0), st.data())
def test_raising_one_arm_moves_keys_only_to_it(
    weights: dict[str, float], key: str, factor: float, data: st.DataObject
) -> None:
    raised = data.draw(st.sampled_from(sorted(weights)))
    before = choose(experiment(weights), key)
    after = choose(experiment(weights | {raised: weights[raised] * factor + 1.0}), key)
    assert after in (before, raised)


@given(arms, st.text(), st.floats(0.0, 1.0), st.data())
def test_lowering_one_arm_moves_only_its_own_keys(
    weights: dict[str, float], key: str, factor: float, data: st.DataObject
) -> None:
    lowered = data.draw(st.sampled_from(sorted(weights)))
    changed = weights | {lowered: weights[lowered] * factor}
    if not any(changed.values()):
        return
    before = choose(experiment(weights), key)
    after = choose(experiment(changed), key)
    assert before in (after, lowered)


def test_between_two_arms_no_more_keys_move_than_must() -> None:
    before = [choose(experiment({"m/1": 90, "m/2": 10}), key) for key in KEYS]
    after = [choose(experiment({"m/1": 70, "m/2": 30}), key) for key in KEYS]
    moved = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert set(moved) == {("m/1", "m/2")}
    assert len(moved) == after.count("m/2") - before.count("m/2")


def test_another_salt_is_another_draw() -> None:
    even = {"m/1": 1.0, "m/2": 1.0}
    same = sum(choose(experiment(even, "a"), key) == choose(experiment(even, "b"), key) for key in KEYS)
    assert abs(same - len(KEYS) / 2) <= 3 * math.sqrt(len(KEYS) / 4)


def test_without_weights_nothing_is_chosen() -> None:
    assert choose(experiment({"m/1": 0.0}), "key") == ""


@pytest.mark.parametrize(
    ("sticky_by", "sender", "recipient", "expected"),
    [
        ("sender", "VM-HDFCBK", "+91", "VM-HDFCBK"),
        ("sender", "", "+91", "id-1"),
        ("recipient", "VM-HDFCBK", "+91", "+91"),
        ("recipient", "VM-HDFCBK", "", "id-1"),
        ("message", "VM-HDFCBK", "+91", "id-1"),
    ],
)
def test_sticky_key_falls_back_to_the_message(sticky_by, sender: str, recipient: str, expected: str) -> None:
    assert sticky_key(sticky_by, sender=sender, recipient=recipient, message_id="id-1") == expected


@pytest.mark.parametrize(
    ("weights", "field"),
    [
        ({"m/1": -1.0, "m/2": 2.0}, "$.arms['m/1']"),
        ({"m/1": math.inf}, "$.arms['m/1']"),
        ({"m/1": math.nan}, "$.arms['m/1']"),
        ({"m/1": 0.0, "m/2": 0.0}, "$.arms"),
        ({}, "$.arms"),
    ],
)
def test_arms_that_cannot_share_traffic_are_refused(weights: dict[str, float], field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check_arms(weights)
    assert refused.value.field == field


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan, math.inf])
def test_a_shadow_sees_no_more_than_all_messages(share: float) -> None:
    with pytest.raises(InvalidField) as refused:
        check_arms({"m/1": 1.0}, {"m/2": 0.5, "m/3": share})
    assert refused.value.field == "$.shadow['m/3']"


def test_an_arm_may_stand_by_at_zero_and_a_shadow_see_nothing_or_all() -> None:
    check_arms({"m/1": 100.0, "m/2": 0.0}, {"m/2": 0.0, "m/3": 1.0})


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_shadow_that_sees_more_sees_what_it_saw(key: str, share: float, other: float) -> None:
    shared = experiment({"m/1": 1.0})
    few, many = sorted((share, other))
    seen = [copies(msgspec.structs.replace(shared, shadow={"m/2": each}), key) for each in (0.0, few, many, 1.0)]
    assert (seen[0], seen[3]) == ([], ["m/2"])
    assert seen[1] in ([], seen[2])


def test_copies_follow_shares_within_three_sigma_whatever_the_arm() -> None:
    shared = msgspec.structs.replace(experiment({"m/1": 50, "m/2": 50}), shadow={"m/3": 0.2})
    seen = [key for key in KEYS if copies(shared, key)]
    assert abs(len(seen) - len(KEYS) * 0.2) <= 3 * math.sqrt(len(KEYS) * 0.16)
    on_first = sum(choose(shared, key) == "m/1" for key in seen)
    assert abs(on_first - len(seen) / 2) <= 3 * math.sqrt(len(seen) / 4)


@given(arms, st.text(), st.data())
def test_keys_of_an_arm_that_cannot_answer_are_shared_out_and_nobody_else_moves(
    weights: dict[str, float], key: str, data: st.DataObject
) -> None:
    ready = data.draw(st.sets(st.sampled_from(sorted(weights))))
    before, after = choose(experiment(weights), key), choose(experiment(weights), key, ready)
    assert after in {before} if before in ready else {"", *ready}
    assert bool(after) == any(weights[arm] > 0 for arm in ready)


def test_an_experiment_without_a_ready_arm_waits_and_that_of_before_answers() -> None:
    old = Experiment("spam", {"m/1": 1.0}, "sender", "salt", 1)
    new = Experiment("spam", {"m/1": 0.0, "m/2": 1.0}, "sender", "salt", 2)
    assert in_force([new], [old], {"m/1"}) == (old,)
    assert in_force([new], [old], {"m/1", "m/2"}) == (new,)
    assert in_force([new], [old], ()) == (new,), "neither can answer: the default does, and no stale name is given"
    assert in_force([new], [], {"m/1"}) == (new,)
    assert in_force([], [old], {"m/1"}) == ()
