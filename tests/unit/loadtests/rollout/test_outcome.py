"""Every way in which a rollout may go wrong is found, and named in its report."""

from typing import Any

import msgspec
import pytest

from loadtests.bench.load import Timing
from loadtests.rollout.outcome import Change, Death, Outcome, Phase, Refusal
from loadtests.rollout.records import Labels, judge
from loadtests.rollout.report import render
from loadtests.rollout.versions import DAMAGED, FIRST, SECOND, SPOILED

LABELS = Labels(sent=7, rows=7, lost=0, doubled=0, wrong=0, replayed_s=0.1)


def phase(name: str, **counts: dict[str, int]) -> Phase:
    kinds = ("faults", "failed", "retried", "degraded", "feedback")
    return Phase(name, Timing(100, 4.0, 6.0, 8.0), *(counts.get(kind, {}) for kind in kinds))


CHANGE = Change("10 %", 2, {FIRST: 90.0, SECOND: 10.0}, {FIRST: 900, SECOND: 100}, None, 0.4)
GOOD = Outcome(
    phases=[phase("no experiment"), phase("10 %", retried={"classify: status 503": 3}, degraded={"degraded": 1})],
    changes=[CHANGE],
    refusals=[Refusal(DAMAGED, "damaged", "it is")],
    deaths=[Death("Ingress", 5.0, None), Death("DistilBert", 6.0, 9.0)],
    labels=LABELS,
    named={FIRST: 150, SECOND: 50},
    loaded_s=1.5,
    callers=8,
    rate=100.0,
)


def test_retries_are_allowed_and_told() -> None:
    assert GOOD.broken() == []
    text = render(GOOD, "today", "python -m loadtests.rollout")
    assert "**All of it holds.**" in text
    assert "classify: status 503 3" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phases": [phase("no experiment", failed={"classify: status 503": 2})]}, "classify: status 503 (2)"),
        ({"phases": [phase("no experiment", faults={"names an arm": 1})]}, "names an arm (1)"),
        ({"changes": [msgspec.structs.replace(CHANGE, split_fault="is off")]}, "is off"),
        ({"changes": [msgspec.structs.replace(CHANGE, lag_s=2.01)]}, "took 2.01 s"),
        ({"refusals": [Refusal(DAMAGED, "damaged", None)]}, "was accepted"),
        ({"named": {SPOILED: 1}}, f"{SPOILED} was named"),
        ({"labels": msgspec.structs.replace(LABELS, lost=1, rows=6)}, "lost 1"),
        ({"labels": Labels(0, 0, 0, 0, 0, 0.0)}, "sent 0"),
    ],
)
def test_whatever_is_wrong_is_said(change: dict[str, Any], words: str) -> None:
    bad = msgspec.structs.replace(GOOD, **change)
    (said,) = bad.broken()
    assert words in said
    assert said in render(bad, "today", "a command")


def test_time_is_judged_only_if_asked_for() -> None:
    late = msgspec.structs.replace(GOOD, changes=[msgspec.structs.replace(CHANGE, lag_s=3.0)])
    assert late.broken(in_time=False) == []


@pytest.mark.parametrize(
    ("rows", "lost", "doubled", "wrong"),
    [
        ([("a", "spam"), ("b", "ham")], 0, 0, 0),
        ([("a", "spam")], 1, 0, 0),
        ([("a", "spam"), ("a", "spam"), ("b", "ham")], 0, 1, 0),
        ([("a", "ham"), ("b", "ham")], 0, 0, 1),
    ],
)
def test_labels_are_held_against_rows(rows: list[tuple[str, str]], lost: int, doubled: int, wrong: int) -> None:
    found = judge({"a": "spam", "b": "ham"}, rows, 0.0)
    assert (found.lost, found.doubled, found.wrong) == (lost, doubled, wrong)
    assert found.hold == (not (lost or doubled or wrong))


def test_a_row_that_nobody_sent_is_no_good_either() -> None:
    assert not judge({"a": "spam"}, [("a", "spam"), ("z", "ham")], 0.0).hold
