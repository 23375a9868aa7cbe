from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.evaluation import Outcome, Pass
from deployments.latency import latency
from pipeline.errors import Overloaded
from pipeline.types import Verdict


def verdict(**changes: Any) -> Verdict:
    facts = {
        "message_id": "1",
        "status": "complete",
        "action": "deliver",
        **dict.fromkeys(("is_spam", "spam_score", "is_phishing", "phishing_score")),
        **dict.fromkeys(("is_otp", "otp_score", "otp_intent")),
        "intent_source": "none",
        "reasons": (),
        "decided_by": "ensemble",
        "models": {},
        "experiment": None,
        "cache": "miss",
        "degraded": (),
        "receipt": "",
    }
    return msgspec.convert(facts | changes, Verdict)


def sent(*outcomes: Outcome, seconds: list[float] | None = None) -> Pass:
    times = seconds or [0.01] * len(outcomes)
    return Pass("single", list(outcomes), times, sum(times))


def test_percentiles_are_milliseconds():
    found = latency(sent(*[verdict()] * 101, seconds=[i / 1000 for i in range(101)]))
    figures = (found.min_ms, found.mean_ms, found.p50_ms, found.p95_ms, found.p99_ms, found.max_ms)
    assert figures == pytest.approx((0, 50, 50, 95, 99, 100))
    assert found.messages_per_s == pytest.approx(101 / 5.05)


def test_what_is_not_complete_has_failed():
    found = latency(sent(verdict(), verdict(status="degraded", degraded=("trees",)), Overloaded(), Overloaded()))
    assert (found.inferences, found.failed) == (4, {"degraded": 1, "overloaded": 2})


def test_answers_of_caches_are_counted():
    outcomes = [verdict(cache=cache) for cache in ("miss", "memory", "redis", "coalesced")]
    assert latency(sent(*outcomes, Overloaded())).cached == 3


@given(st.lists(st.floats(1e-4, 10), min_size=1))
def test_figures_come_in_order(seconds: list[float]):
    found = latency(sent(*[verdict()] * len(seconds), seconds=seconds))
    figures = [found.min_ms, found.p50_ms, found.p95_ms, found.p99_ms, found.max_ms]
    assert all(low <= high * (1 + 1e-9) for low, high in pairwise(figures))
    assert found.min_ms * (1 - 1e-9) <= found.mean_ms <= found.max_ms * (1 + 1e-9)
