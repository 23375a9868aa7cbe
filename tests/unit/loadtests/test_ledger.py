"""What a ledger lets pass and what it does not, against verdicts such as the server gives."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.ledger import LIVE_S, Ledger, Step, plan, split_fault
from pipeline.routing import Experiment, choose

A, B = "distilbert/4", "distilbert/3"
CHANGED_AT = 100.0


def verdict(revision: int, arm: str, scorer: str | None = None) -> dict[str, Any]:
    """As over HTTP; `scorer` is the version that scored, "" where the gate was sure, None for the arm's own."""
    models = {"gate": "lightgbm/2"} | ({} if scorer == "" else {"spam": scorer or arm})
    return {"experiment": {"spam": {"arm": arm, "revision": revision}}, "models": models}


NOTHING: dict[str, Any] = {"experiment": None, "models": {"spam": A}}
ANOTHER_TASK: dict[str, Any] = {"experiment": {"otp": {"arm": "lightgbm/2", "revision": 9}}, "models": {"spam": A}}


@pytest.fixture
def ledger() -> Ledger:
    """Revision 4 was there before; revision 5 was set at `CHANGED_AT`."""
    opened = Ledger([A, B], Step(4, {A: 100.0, B: 0.0}))
    opened.announce(Step(5, {A: 50.0, B: 50.0}), CHANGED_AT - 0.5)
    opened.confirm(5, CHANGED_AT)
    return opened


def test_right_verdicts_pass(ledger: Ledger) -> None:
    assert ledger.fault(verdict(5, A), "+1", CHANGED_AT + LIVE_S) is None
    assert ledger.fault(verdict(5, B), "+2", CHANGED_AT + LIVE_S) is None
    assert ledger.fault(verdict(5, B, scorer=""), "+3", CHANGED_AT + LIVE_S) is None


def test_the_old_revision_may_be_named_until_the_change_must_be_live(ledger: Ledger) -> None:
    assert ledger.fault(verdict(4, A), "+1", CHANGED_AT + LIVE_S - 0.001) is None
    assert ledger.fault(verdict(4, A), "+1", CHANGED_AT + LIVE_S) == "names an old revision 2 s after the change"


def test_a_revision_may_be_named_once_it_was_asked_for_and_not_before(ledger: Ledger) -> None:
    assert ledger.fault(verdict(6, A), "+1", CHANGED_AT) == "names a revision that nobody set"
    ledger.announce(Step(6, {A: 1.0, B: 1.0}), CHANGED_AT)
    assert ledger.fault(verdict(6, A), "+1", CHANGED_AT) is None
    assert ledger.fault(verdict(5, A), "+1", CHANGED_AT + 60) is None  # not confirmed: nobody must follow yet


@pytest.mark.parametrize(
    ("arm", "scorer", "fault"),
    [
        ("distilbert/9", None, "names a version that must not answer"),
        ("", None, "names a version that must not answer"),
        (A, B, "was scored by another version than its arm"),
    ],
)
def test_wrong_arms_are_faults(ledger: Ledger, arm: str, scorer: str | None, fault: str) -> None:
    assert ledger.fault(verdict(5, arm, scorer), "+1", CHANGED_AT) == fault


@pytest.mark.parametrize(("arms", "right", "wrong"), [({A: 100.0, B: 0.0}, A, B), ({A: 0.0, B: 100.0}, B, A)])
def test_where_one_arm_has_all_the_weight_the_other_is_a_fault(arms: dict[str, float], right: str, wrong: str) -> None:
    ledger = Ledger([A, B], Step(1, arms))
    assert ledger.fault(verdict(1, right), "+1", 0.0) is None
    assert ledger.fault(verdict(1, wrong), "+2", 0.0) == "names an arm without weight"


def test_a_sender_keeps_its_arm_within_a_revision_and_may_move_with_the_next(ledger: Ledger) -> None:
    assert ledger.fault(verdict(4, A), "+1", CHANGED_AT) is None
    assert ledger.fault(verdict(5, B), "+1", CHANGED_AT) is None
    assert ledger.fault(verdict(5, B), "+1", CHANGED_AT) is None
    assert ledger.fault(verdict(5, A), "+1", CHANGED_AT) == "moved a sender to another arm within a revision"


@pytest.mark.parametrize("unnamed", [NOTHING, ANOTHER_TASK])
def test_without_an_experiment_verdicts_name_none_until_there_is_one(unnamed: dict[str, Any]) -> None:
    ledger = Ledger([A, B], Step(0, {}))
    assert ledger.fault(unnamed, "+1", 0.0) is None
    ledger.announce(Step(1, {A: 1.0, B: 1.0}), CHANGED_AT)
    ledger.confirm(1, CHANGED_AT)
    assert ledger.fault(unnamed, "+1", CHANGED_AT + LIVE_S - 0.001) is None
    assert ledger.fault(unnamed, "+1", CHANGED_AT + LIVE_S) == "names no experiment"


def test_once_an_experiment_has_ended_verdicts_name_none(ledger: Ledger) -> None:
    ledger.announce(Step(6, {}), CHANGED_AT + 10)
    assert ledger.fault(NOTHING, "+1", CHANGED_AT + 10) is None
    ledger.confirm(6, CHANGED_AT + 10)
    assert ledger.fault(NOTHING, "+1", CHANGED_AT + 10 + LIVE_S) is None
    assert ledger.fault(verdict(5, A), "+1", CHANGED_AT + 10 + LIVE_S) == "names an old revision 2 s after the change"


def test_a_lag_is_the_time_from_the_order_to_the_last_question_that_an_older_revision_answered(ledger: Ledger) -> None:
    assert ledger.lags() == {5: 0.0}
    ledger.fault(verdict(4, A), "+1", CHANGED_AT - 60)
    assert ledger.lags() == {5: 0.0}
    ledger.fault(verdict(4, A), "+1", CHANGED_AT + 0.25)
    ledger.fault(verdict(5, A), "+2", CHANGED_AT + 7)
    ledger.announce(Step(6, {}), CHANGED_AT + 10)
    ledger.fault(verdict(5, A), "+3", CHANGED_AT + 11)
    ledger.fault(NOTHING, "+3", CHANGED_AT + 12)
    assert ledger.lags() == {5: 0.75, 6: 1.0}


def test_a_lag_counts_verdicts_without_an_experiment_for_what_they_are() -> None:
    ledger = Ledger([A, B], Step(0, {}))
    ledger.announce(Step(1, {A: 1.0}), CHANGED_AT)
    ledger.fault(NOTHING, "+1", CHANGED_AT + 1.5)
    assert ledger.lags() == {1: 1.5}


def test_splits_count_senders_once_and_leave_the_origin_and_faults_out(ledger: Ledger) -> None:
    ledger.fault(verdict(4, A), "+1", CHANGED_AT)
    for sender, arm in (("+1", A), ("+1", A), ("+2", B), ("+3", B), ("+3", A), ("+4", "distilbert/9")):
        ledger.fault(verdict(5, arm), sender, CHANGED_AT)
    assert list(ledger.splits()) == [(Step(5, {A: 50.0, B: 50.0}), Counter({A: 1, B: 2}))]


@pytest.mark.parametrize(
    ("counts", "weights", "fault"),
    [
        ({A: 500, B: 500}, (50, 50), None),
        ({A: 547, B: 453}, (50, 50), None),  # 3 sigma of 1,000 are 47.4
        ({A: 548, B: 452}, (50, 50), "is more than 3 sigma off"),
        ({A: 452, B: 548}, (50, 50), "is more than 3 sigma off"),
        ({A: 928, B: 72}, (9, 1), None),  # 28.5
        ({A: 929, B: 71}, (9, 1), "is more than 3 sigma off"),
        ({A: 7}, (100, 0), None),
        ({A: 999, B: 1}, (100, 0), "is more than 3 sigma off"),
        ({A: 18, B: 18}, (50, 50), None),
        ({A: 17, B: 18}, (50, 50), "saw too few senders to judge"),
        ({}, (100, 0), "saw no sender"),
    ],
)
def test_three_sigma(counts: dict[str, int], weights: tuple[float, float], fault: str | None) -> None:
    assert split_fault(counts, dict(zip((A, B), weights, strict=True))) == fault


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0.01, 0.99))
def test_a_split_into_two_is_judged_alike_from_either_side(a: int, b: int, share: float) -> None:
    arms = {A: share, B: 1.0 - share}
    swapped = {A: 1.0 - share, B: share}
    assert split_fault({A: a, B: b}, arms) == split_fault({A: b, B: a}, swapped)


def test_the_plan_goes_there_and_back() -> None:
    steps = plan(A, B)
    assert [(step[A], step[B]) for step in steps] == [(100, 0), (90, 10), (50, 50), (0, 100), (100, 0)]


def test_the_servers_own_routing_passes_every_check_through_a_whole_shift() -> None:
    ledger = Ledger([A, B], Step(0, {}))
    dice = random.Random(5)
    for revision, arms in enumerate(plan(A, B), 1):
        ledger.announce(Step(revision, arms), 10.0 * revision)
        ledger.confirm(revision, 10.0 * revision)
        experiment = Experiment("spam", arms, "sender", "salt", revision)
        for _ in range(3_000):
            sender = f"+1555{dice.randrange(2_000):07d}"
            answer = verdict(revision, choose(experiment, sender))
            assert ledger.fault(answer, sender, 10.0 * revision + LIVE_S) is None
    judged = [split_fault(counts, step.arms) for step, counts in ledger.splits()]
    assert judged == [None] * 5


def test_a_server_that_forgets_its_weights_is_found_out() -> None:
    ledger = Ledger([A, B], Step(0, {}))
    ledger.announce(Step(1, {A: 90.0, B: 10.0}), 0.0)
    even = Experiment("spam", {A: 50.0, B: 50.0}, "sender", "salt", 1)
    for number in range(500):
        ledger.fault(verdict(1, choose(even, f"+{number}")), f"+{number}", 0.0)
    ((step, counts),) = ledger.splits()
    assert split_fault(counts, step.arms) == "is more than 3 sigma off"
