"""Whatever must not be in a segment is found, and what may be is not."""

import itertools
from typing import Any

import msgspec
import pytest

from configs.settings import Settings
from loadtests.bench.load import Result
from loadtests.lane.caller import Answer, read
from loadtests.lane.segment import (
    BUDGET_S,
    GRACE_S,
    PROBE_S,
    THRESHOLD,
    Counts,
    Segment,
    faults,
    probes,
    sources,
    summary,
    without_leave,
)
from loadtests.lane.show import read_counts
from loadtests.lane.stand_in import LABEL, Call
from pipeline.breaker import Breaker

RESULT = Result(requests=4, seconds=1, timings={}, retry_after={}, errors={}, connections=1, late_p99_ms=0, ended=0)
PLAIN = Answer(0, 200, 0.005, 0.005, False, "none")
SURE = Answer(1, 200, 0.005, 0.005, True, "lightgbm", "APP_LOGIN_OTP")
ASKED = Answer(2, 200, 0.205, 0.205, True, "groq", LABEL)
MISSED = Answer(3, 200, 0.805, 0.805, True, "lightgbm", "APP_LOGIN_OTP", ("groq",))
WELL = Counts(gated=1, asked=2, missing=1, fresh=1)
ILL = Counts(gated=1, asked=2, missing=1, cached=1)
ANSWERS = [PLAIN, SURE, ASKED, MISSED]


def test_a_good_segment_has_no_faults() -> None:
    assert faults("healthy", RESULT, ANSWERS, WELL, 2) == {}
    assert faults("hanging", RESULT, ANSWERS, ILL, 2) == {}
    assert sources(ANSWERS) == {"lightgbm": 1, "groq": 1, "lightgbm, in its place": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": 503, "is_otp": None}, "status 503"),
        ({"is_otp": None}, "no verdict"),
        ({"source": "lightgbm"}, "an intent from lightgbm for no OTP"),
        ({"degraded": ("distilbert",)}, "without distilbert"),
    ],
)
def test_a_wrong_answer_is_a_fault(change: dict[str, Any], words: str) -> None:
    wrong = msgspec.structs.replace(PLAIN, **change)
    assert faults("healthy", RESULT, [wrong, *ANSWERS[1:]], WELL, 2) == {words: 1}


@pytest.mark.parametrize(
    ("mood", "counts", "calls", "words"),
    [
        ("healthy", WELL, 3, "calls beyond"),
        ("healthy", msgspec.structs.replace(WELL, fresh=0), 0, "is not asked"),
        ("failing", WELL, 2, "that gave none"),
        ("failing", msgspec.structs.replace(ILL, asked=3), 2, "unsure"),
        ("failing", msgspec.structs.replace(ILL, gated=3), 2, "sure"),
        ("failing", msgspec.structs.replace(ILL, missing=0), 2, "in its place"),
    ],
)
def test_counts_that_do_not_fit_together_are_faults(mood: Any, counts: Counts, calls: int, words: str) -> None:
    (said,) = faults(mood, RESULT, ANSWERS, counts, calls)
    assert words in said


def test_an_intent_that_nobody_gave_and_a_lost_answer_are_faults() -> None:
    invented = msgspec.structs.replace(ASKED, intent="KYC_OR_ESIGN_OTP")
    lost = msgspec.structs.replace(RESULT, errors={"unanswered": 2})
    found = faults("healthy", lost, [PLAIN, SURE, invented, MISSED], WELL, 2)
    assert found == {"unanswered": 2, "an intent that the language model did not give": 1}


def test_a_sampled_otp_may_be_asked() -> None:
    assert faults("healthy", RESULT, ANSWERS, msgspec.structs.replace(WELL, sampled=1), 3) == {}


def calls(*times: float) -> list[Call]:
    return [Call(at, "") for at in times]


def test_time_without_leave_begins_with_what_opens_the_breaker() -> None:
    five = calls(1.0, 1.1, 1.2, 1.3, 1.4)
    assert without_leave("healthy", five, 10.0) == (0.0, 0)
    assert without_leave("failing", five[:4], 10.0) == (0.0, 0)
    seconds, count = without_leave("failing", five + calls(1.5, 3.0, 4.0), 10.0)
    assert (seconds, count) == (pytest.approx(8.6 - GRACE_S), 2)
    seconds, count = without_leave("hanging", five + calls(2.0, 3.0), 10.0)
    assert (seconds, count) == (pytest.approx(8.6 - GRACE_S - BUDGET_S), 1)
    assert without_leave("limiting", calls(1.0, 1.1), 10.0) == (pytest.approx(9.0 - GRACE_S), 0)
    assert without_leave("limiting", calls(1.0, 2.0), 10.0)[1] == 1


def test_what_is_allowed_is_what_the_breaker_lets_through() -> None:
    breaker, arrivals = Breaker(), []
    for now in (step / 50 for step in itertools.count(0)):
        if now > 20.0:
            break
        if breaker.allow(now):
            arrivals.append(now)
            breaker.failure(now)
    assert len([at for at in arrivals if at <= arrivals[THRESHOLD - 1]]) == THRESHOLD
    seconds, count = without_leave("failing", calls(*arrivals), 20.0)
    assert probes("failing", seconds) - 1 <= count <= probes("failing", seconds)
    assert arrivals[THRESHOLD] - arrivals[THRESHOLD - 1] == pytest.approx(PROBE_S, abs=0.03)
    assert Settings().intent.budget_ms == 1000 * BUDGET_S


def test_no_probe_is_allowed_while_told_to_wait() -> None:
    assert (probes("limiting", 9.0), probes("failing", 9.0), probes("failing", 0.0)) == (0, 10, 0)


def test_a_summary_counts_otps_beyond_their_budget() -> None:
    segment = Segment(
        mood="hanging",
        round=1,
        sent=3,
        sent_otps=2,
        plain=[0.001, 0.002],
        otps=[0.005, 0.901],
        otps_from_send=[0.005, 0.901],
        sources={},
        faults={},
        counts=Counts(),
        calls=2,
        open_s=2.5,
        calls_open=1,
        late_ms=0.1,
    )
    found = summary(segment)
    assert (found.over_budget, found.slowest_otp_ms, found.probes, found.plain.p99) == (1, 901.0, 3, 2.0)


def test_a_verdict_is_read_and_anything_else_is_none() -> None:
    blank = Answer(0, 200, 1.0, 1.0)
    body = b'{"is_otp": true, "intent_source": "groq", "otp_intent": "APP_LOGIN_OTP", "degraded": ["groq"]}'
    assert read(blank, body) == Answer(0, 200, 1.0, 1.0, True, "groq", "APP_LOGIN_OTP", ("groq",))
    for other in (b"{", b"[]", b"{}", b"null"):
        assert read(blank, other) == blank


def test_metrics_of_the_lane_are_read_and_no_others() -> None:
    text = """\
# HELP winnow_intents_total One-time passwords
winnow_intents_total{event="asked"} 7.0
winnow_intents_total{event="gated"} 2.0
winnow_answers_total{lane="assess",source="miss"} 99.0
winnow_answers_total{lane="intent",source="memory"} 1.0
winnow_answers_total{lane="intent",source="redis"} 2.0
winnow_answers_total{lane="intent",source="miss"} 4.0
winnow_groq_tokens_total{kind="prompt"} 100.0
winnow_groq_tokens_total{kind="completion"} 10.0
winnow_groq_cost_usd_total 0.5
"""
    found = read_counts(text)
    assert found == Counts(gated=2, asked=7, fresh=4, cached=3, tokens=110, usd=0.5)
    assert found.since(Counts(asked=5, usd=0.25)) == Counts(gated=2, asked=2, fresh=4, cached=3, tokens=110, usd=0.25)
