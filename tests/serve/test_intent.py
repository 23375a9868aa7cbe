"""Intents from a language model over a real socket: OTPs alone, redacted, in time, and never holding others back."""

import random
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
    """An OTP of a template that nobody asked about before, of which the local model is not sure; the stand-in answers
    with the label that the text names.
    """
    firm = "".join(random.choice("bdfgklmnprstvz") + random.choice("aeiou") for _ in range(5))
    return f"Your OTP is {code()} to log in to {firm} {label}. Do not share it with anyone."


def code() -> int:
    return random.randrange(100_000, 1_000_000)


def test_otps_get_their_intent_from_the_language_model(server: Server):
    verdict = server.classify(otp("KYC_OR_ESIGN_OTP"))
    assert (verdict["otp_intent"], verdict["intent_source"], verdict["status"]) == (
        "KYC_OR_ESIGN_OTP",
        "groq",
        "complete",
    )


def test_only_otps_leave_and_without_their_code(server: Server, groq: GroqServer):
    server.classify("See you at the pub tonight")
    text = otp()
    server.classify(text)
    (sent,) = groq.user_messages()
    assert text.split()[3] not in sent
    assert "pub" not in sent


def test_other_codes_in_a_template_are_not_asked_again(server: Server, groq: GroqServer):
    template = otp("KYC_OR_ESIGN_OTP").split()
    for _ in range(5):
        template[3] = str(code())
        assert server.classify(" ".join(template))["otp_intent"] == "KYC_OR_ESIGN_OTP"
    assert len(groq.requests) == 1


def test_what_the_local_model_is_sure_of_is_not_asked(server: Server):
    verdict = server.classify(f"Share OTP {code()} with the delivery agent to receive your package.")
    assert (verdict["otp_intent"], verdict["intent_source"], verdict["status"]) == (
        "DELIVERY_OR_SERVICE_OTP",
        "lightgbm",
        "complete",
    )


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
