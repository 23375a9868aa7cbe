"""The whole way of a question over a socket, as ingress and stage are wired: redaction, cache, budget, metrics."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from configs.settings import Intent, Settings
from deployments import wiring
from deployments.embedded import EmbeddedBackends
from deployments.stages.groq_intent import GroqIntent
from pipeline import verdicts
from pipeline.directory import Changes, Directory, TenantRow
from pipeline.intents import Intents
from pipeline.keys import Keys
from pipeline.observe import Observer
from pipeline.types import Assessment, Message, Versions
from tests.support.groq_server import GroqServer

LOCAL = verdicts.Intent("APP_LOGIN_OTP", "lightgbm")
FAULT = verdicts.Intent("APP_LOGIN_OTP", "lightgbm", missing=True)


@pytest.fixture
async def server(backends: EmbeddedBackends, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GroqServer]:
    async with GroqServer() as running:
        monkeypatch.setenv("REDIS_URL", backends.redis_url)
        monkeypatch.setenv("DATABASE_URL", backends.database_url)
        monkeypatch.setenv("WINNOW_SECRET", "of the test")
        monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
        monkeypatch.setenv("GROQ_BASE_URL", running.url)
        yield running


def wired(intent: Intent | None = None, directory: Directory | None = None) -> Intents:
    settings = Settings(intent=intent or Intent(budget_ms=5_000), redis_timeout_ms=5_000)
    lane = wiring.intent_lane(settings, GroqIntent(settings), None, Observer())
    snapshot = directory or Directory()
    return wiring.build_intents(settings, lane, directory=lambda: snapshot, keys=Keys("secret"))


def message(text: str, tenant: str) -> Message:
    return Message(
        id="m",
        text=text,
        sender="VM-HDFCBK",
        recipient="",
        tenant=tenant,
        policy="moderate",
        intent="auto",
        obfuscated=False,
        versions=Versions("distilbert/4", *("lightgbm/2",) * 4),
        received_at=0.0,
        deadline=time.monotonic() + 10.0,
    )


def assessment(confidence: float = 0.5) -> Assessment:
    return Assessment(
        spam=0.01,
        phishing=0.01,
        otp=0.9,
        intent="APP_LOGIN_OTP",
        intent_confidence=confidence,
        hits=(),
        decided_by="ensemble",
        scorer="distilbert/4",
        models={},
    )


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_thousand_codes_are_one_call_and_no_code_leaves(server: GroqServer, unique: str):
    intents = wired()
    codes = [f"{i * 7919 % 900_000 + 100_000}" for i in range(1000)]
    asked = (intents.ask(message(f"{code} is your OTP for KYC_OR_ESIGN_OTP", unique), assessment()) for code in codes)
    found = await asyncio.gather(*asked)
    assert found == [verdicts.Intent("KYC_OR_ESIGN_OTP", "groq")] * 1000
    assert len(set(codes)) == 1000 and len(server.requests) == 1
    assert not any(code in str(server.requests) for code in codes)


async def test_the_sure_ones_are_not_sent(server: GroqServer, unique: str):
    intents = wired(Intent(sample_rate=0.0))
    sure = [intents.decide(message(f"code for {name}", unique), assessment(0.999), True) for name in ("Anna", "Ben")]
    assert sure == [LOCAL] * 2
    assert intents.decide(message("code", unique), assessment(0.99), True) is None
    assert server.requests == []


async def test_a_tenant_that_keeps_its_messages_sends_none(server: GroqServer, unique: str):
    directory = Directory().apply(Changes(tenants=(TenantRow(unique, None, local_only=True),)))
    assert wired(directory=directory).decide(message("code", unique), assessment(0.1), True) == LOCAL


async def test_over_budget_the_local_intent_is_complete_and_counted(server: GroqServer, unique: str):
    intents = wired(Intent(budget_usd_per_tenant_day=0.0))
    before = (
        sample("winnow_intents_total", event="over_budget"),
        sample("winnow_groq_outcomes_total", outcome="over_budget"),
    )
    assert await intents.ask(message("your code is 1234", unique), assessment()) == LOCAL
    after = (
        sample("winnow_intents_total", event="over_budget"),
        sample("winnow_groq_outcomes_total", outcome="over_budget"),
    )
    assert [now - was for now, was in zip(after, before, strict=True)] == [1, 1]
    assert server.requests == []


async def test_a_budget_is_spent_by_usage_and_then_the_local_intent_answers(server: GroqServer, unique: str):
    intents = wired(Intent(budget_ms=5_000, budget_usd_per_tenant_day=5e-5))  # an answer costs 1.26e-5
    texts = [
        f"your code for {word} is 1234" for word in ("shopping", "banking", "gaming", "reading", "travel", "music")
    ]
    found = [await intents.ask(message(text, unique), assessment()) for text in texts]
    assert [intent.source for intent in found] == ["groq"] * 3 + ["lightgbm"] * 3
    assert not any(intent.missing for intent in found) and len(server.requests) == 3


async def test_a_hanging_model_leaves_the_local_intent_within_the_budget(server: GroqServer, unique: str):
    server.fault = "hang"
    assert await wired(Intent(budget_ms=200)).ask(message("your code is 1234", unique), assessment()) == FAULT


async def test_what_a_thousand_messages_cost_can_be_read_from_the_metrics(server: GroqServer, unique: str):
    def usd() -> float:
        return sample("winnow_groq_cost_usd_total")

    intents, before, asked = wired(), usd(), sample("winnow_intents_total", event="asked")
    words = ("shopping", "banking", "gaming", "reading", "travel")
    for word in words:
        await intents.ask(message(f"your code for {word} is 1234", unique), assessment())
    assert usd() - before == pytest.approx(5 * (230 * 0.05 + 14 * 0.08) / 1e6)
    assert sample("winnow_intents_total", event="asked") - asked == 5
