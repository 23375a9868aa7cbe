"""Only what the language model decides may differ, and only what was scored anew is a witness."""

from typing import Any

import pytest

from loadtests.lane.witnesses import differences

VERDICT: dict[str, Any] = {
    "message_id": "w0",
    "status": "complete",
    "is_spam": False,
    "spam_score": 0.01,
    "otp_intent": "APP_LOGIN_OTP",
    "intent_source": "groq",
    "reasons": [],
    "degraded": [],
    "cache": "miss",
    "receipt": "a",
}


def test_the_intent_may_differ() -> None:
    other = {"otp_intent": "X", "intent_source": "lightgbm", "status": "degraded", "degraded": ["groq"], "receipt": "b"}
    assert list(differences([VERDICT], [{**VERDICT, **other}])) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spam_score": 0.011}, "w0: spam_score"),
        ({"is_spam": True, "reasons": [{"rule": "r"}]}, "w0: is_spam, reasons"),
        ({"degraded": ["distilbert"]}, "w0: degraded"),
        ({"new": 1}, "w0: new"),
    ],
)
def test_nothing_else_may(change: dict[str, Any], words: str) -> None:
    assert list(differences([VERDICT], [{**VERDICT, **change}])) == [words]


def test_a_cached_verdict_is_no_witness() -> None:
    assert "w0 was not scored anew: redis" in list(differences([VERDICT], [{**VERDICT, "cache": "redis"}]))
