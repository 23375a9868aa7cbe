"""What is broken is said and reported; ratios are taken within a round and over all."""

from typing import Any

import msgspec
import pytest

from loadtests.lane.outcome import Outcome, Run, p50, p99, ratio, record, usd_per_thousand
from loadtests.lane.report import render
from loadtests.lane.segment import Counts, Segment
from loadtests.lane.stand_in import MOODS, Mood


def segment(mood: Mood, number: int, seconds: float, **changes: Any) -> Segment:
    values: dict[str, Any] = {
        "sent": 100,
        "sent_otps": 30,
        "plain": [seconds] * 70,
        "otps": [0.2] * 30,
        "otps_from_send": [0.2] * 30,
        "sources": {"groq": 20, "lightgbm": 10},
        "faults": {},
        "counts": Counts(gated=10, asked=20, tokens=4000, usd=0.002),
        "calls": 20,
        "open_s": 0.0,
        "calls_open": 0,
        "late_ms": 0.2,
    }
    return Segment(mood=mood, round=number, **{**values, **changes})


def run(**changes: Any) -> Run:
    segments = [segment(mood, number, 0.01 * number) for number in (1, 2) for mood in MOODS]
    values = {"segments": segments, "capacity": 500.0, "received": 99, "leaks": 0, "witnesses": 160, "changed": []}
    return Run(name="as shipped", **{**values, **changes})


def outcome(of: Run) -> Outcome:
    return Outcome(rate=150.0, retry_after_s=30.0, runs=[of])


def test_all_of_it_holds() -> None:
    good = outcome(run())
    text = render(good, "today", "a command")
    assert good.broken() == []
    assert "**All of it holds.**" in text
    assert "30% of what the server takes" in text
    assert "30% of them OTPs" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"segments": [segment("failing", 1, 1.0, faults={"status 503": 2})]}, "round 1, failing: status 503 (2)"),
        (
            {"segments": [segment("hanging", 3, 1.0, open_s=4.2, calls_open=6)]},
            "6 calls in 4.2 s without leave, 5 allo",
        ),
        (
            {"segments": [segment("limiting", 1, 1.0, open_s=4.2, calls_open=1)]},
            "1 calls in 4.2 s without leave, 0 allo",
        ),
        ({"leaks": 3}, "3 of 99 messages left the house with digits of a code"),
        ({"changed": ["w4: spam_score"]}, "a witness changed: w4: spam_score"),
        ({"received": 0}, "never asked"),
    ],
)
def test_whatever_is_wrong_is_said(changes: dict[str, Any], words: str) -> None:
    (said,) = outcome(run(**changes)).broken()
    assert words in said


def test_what_is_broken_is_in_the_report() -> None:
    bad = outcome(run(leaks=3))
    assert bad.broken()[0] in render(bad, "today", "a command")
    assert "**All of it holds.**" not in render(bad, "today", "a command")


def test_ratios_are_taken_within_a_round_and_over_all() -> None:
    slower = [
        *(segment("healthy", number, seconds) for number, seconds in ((1, 0.01), (2, 0.02))),
        *(segment("hanging", number, seconds) for number, seconds in ((1, 0.012), (2, 0.021))),
    ]
    of = run(segments=slower)
    found = ratio(of, "hanging", p99)
    assert (found.pooled, found.least, found.most) == pytest.approx((21 / 20, 21 / 20, 12 / 10))
    itself = ratio(of, "healthy", p50)
    assert (itself.pooled, itself.least, itself.most) == pytest.approx((1.0, 1.0, 2.0))


def test_cost_is_of_all_messages_not_of_otps() -> None:
    assert usd_per_thousand([segment("healthy", 1, 1.0), segment("healthy", 2, 1.0)]) == pytest.approx(0.02)


def test_the_record_has_all_but_each_single_time() -> None:
    kept = msgspec.to_builtins(record(outcome(run(leaks=1))))
    (of,) = kept["runs"]
    assert kept["broken"] == outcome(run(leaks=1)).broken()
    assert of["pooled"]["hanging"]["plain"]["count"] == 140
    assert of["segments"][0]["plain"]["p99"] == 10.0
    assert of["p99_ratios"]["failing"]["pooled"] == 1.0
