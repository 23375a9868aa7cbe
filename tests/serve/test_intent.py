"""Intents from a language model over a real socket: OTPs alone, redacted, in time, and never holding others back."""

import time
import uuid
from collections.abc import Iterator

import pytest

from tests.support.groq_server import GroqServer
from tests.support.server import Server


@pytest.fixture(autouse=True)
def healthy(groq: GroqServer) -> Iterator[None]:
    """The breaker may still be open from an earlier fault: let its probe close it again."""
    groq.fault = "ok"
    groq.faults.clear()
    groq.requests.clear()
    time.sleep(1.1)
    yield
    groq.fault = "ok"


def otp(label: str = "GENERIC_APP_ACTION_OTP") -> str:
    """An OTP that nobody asked about before; the stand-in answers with the label that the text names."""
    return f"Your OTP is 482913 to log in to {uuid.uuid4().hex[:10]} {label}. Do not share it with anyone."


def test_otps_get_their_intent_from_the_language_model(server: Server):
    verdict = server.classify(otp("KYC_OR_ESIGN_OTP"))
    assert (verdict["otp_intent"], verdict["intent_source"], verdict["status"]) == (
        "KYC_OR_ESIGN_OTP",
        "groq",
        "complete",
    )


def test_only_otps_leave_and_without_their_code(server: Server, groq: GroqServer):
    server.classify("See you at the pub tonight")
    server.classify(otp())
    (sent,) = groq.user_messages()
    assert "482913" not in sent
    assert "pub" not in sent


@pytest.mark.parametrize(("mode", "source"), [("local", "lightgbm"), ("none", "none")])
def test_the_caller_may_keep_the_language_model_out(server: Server, groq: GroqServer, mode: str, source: str):
    assert server.classify(otp(), intent=mode)["intent_source"] == source
    assert groq.requests == []


@pytest.mark.parametrize("fault", ["500", "429", "garbage", "wrong_label", "cut"])
def test_on_failure_the_local_intent_answers_and_says_so(server: Server, groq: GroqServer, fault):
    groq.fault = fault
    verdict = server.classify(otp())
    assert (verdict["intent_source"], verdict["degraded"], verdict["is_otp"]) == ("lightgbm", ["groq"], True)


def test_a_hanging_language_model_holds_back_neither_the_otp_for_long_nor_anybody_else(
    server: Server, groq: GroqServer
):
    groq.fault = "hang"
    messages = [{"text": otp()}] + [{"text": f"See you at {uuid.uuid4().hex}"} for _ in range(3)]
    _, body, _ = server.request("POST", "/v1/classify/batch", {"messages": messages})
    assert [r["intent_source"] for r in body["results"]] == ["lightgbm", "none", "none", "none"]
    assert [r["status"] for r in body["results"]] == ["degraded", "complete", "complete", "complete"]
