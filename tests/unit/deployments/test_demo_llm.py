"""The stand-in over a socket, asked by the client that asks Groq."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from configs.settings import Settings
from deployments.chat_server import in_thread
from deployments.cli import serve
from deployments.demo_llm import DemoLlm, legible, local_label, standing_in
from deployments.server import Running
from pipeline.clients.groq_intent import GroqIntent
from tests.support.intents import ask
from tests.support.winnow import Winnow

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


@pytest.mark.parametrize("wanted", [True, False])
def test_serve_starts_it_on_demand_says_so_and_stops_it(winnow: Winnow, monkeypatch, wanted: bool):
    seen: list[str | None] = []

    @contextmanager
    def running(*_: object) -> Iterator[Running]:
        seen.append(os.environ.get("GROQ_BASE_URL"))
        yield Running("http://127.0.0.1:1", None, list)

    def interrupt(_: Running) -> None:
        raise KeyboardInterrupt

    for name, stand_in in {"running": running, "_watch": interrupt, "stop_on_signals": lambda: None}.items():
        monkeypatch.setattr(serve, name, stand_in)
    monkeypatch.delenv("GROQ_BASE_URL", raising=False)
    shown = winnow("serve", *(["--demo-llm"] if wanted else []))
    assert shown.exit_code == 0
    (url,) = seen
    assert (url is not None) is wanted
    said = " ".join(shown.stderr.split())
    assert ("the answer is the local intent model's, not Groq's" in said) is wanted
    if url:
        assert url in said
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, trust_env=False)
    assert "GROQ_BASE_URL" not in os.environ
