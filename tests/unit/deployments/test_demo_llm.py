"""The stand-in over a socket, asked by the client that asks Groq."""

import os

import httpx
import pytest

from configs.settings import Settings
from deployments.chat_server import in_thread
from deployments.demo_llm import DemoLlm, legible, local_label, standing_in
from pipeline.clients.groq_intent import GroqIntent
from tests.support.intents import ask

CODES = {
    "482913 is your OTP to log in to your HDFC Bank account. Do not share it with anyone.": "FINANCIAL_LOGIN_OTP",
    "Use 4829 as OTP for your purchase of INR 500.00 at Amazon on your HDFC Bank card ending 1234.": (
        "BANK_OR_CARD_TXN_OTP"
    ),
    "Your Swiggy delivery OTP is 4829. Share it with the delivery partner when your order arrives.": (
        "DELIVERY_OR_SERVICE_OTP"
    ),
    "Your OTP for Aadhaar eKYC is 482913. UIDAI never calls for it.": "KYC_OR_ESIGN_OTP",
}


@pytest.fixture(scope="module")
def label():
    return local_label(Settings())


async def test_it_answers_what_the_local_model_makes_of_what_was_sent(label):
    async with DemoLlm(label, key="demo") as server:
        client = GroqIntent("demo", base_url=server.url)
        assert await ask(client, *CODES) == list(CODES.values())
        await client.close()


async def test_a_wrong_key_gets_nothing(label):
    async with DemoLlm(label, key="demo") as server:
        client = GroqIntent("other", base_url=server.url)
        assert await ask(client, *CODES) == [None] * 4
        await client.close()


def test_any_other_question_is_refused(label):
    with in_thread(DemoLlm(label)) as server:
        for messages in ([], [{"role": "user", "content": "What is the weather?"}]):
            answer = httpx.post(
                f"{server.url}/v1/chat/completions",
                headers={"Authorization": "Bearer k"},
                json={"model": "m", "messages": messages},
                trust_env=False,
            )
            assert answer.status_code == 400
            assert "stand-in" in answer.json()["error"]["message"]


def test_placeholders_become_what_they_stand_for():
    assert legible("Dear <NAME>, <CODE> is it. <URL hdfc.com> <WHAT> 1 < 2") == (
        "Dear Customer, 482913 is it. https://hdfc.com/ <WHAT> 1 < 2"
    )


def test_the_environment_names_it_while_it_runs(monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "gsk_real")
    monkeypatch.delenv("GROQ_BASE_URL", raising=False)
    with standing_in(Settings()) as url:
        assert os.environ["GROQ_BASE_URL"] == url
        assert os.environ["GROQ_API_KEY"] != "gsk_real"
    assert os.environ["GROQ_API_KEY"] == "gsk_real"
    assert "GROQ_BASE_URL" not in os.environ
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
