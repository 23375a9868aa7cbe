"""Budgets in a real Redis, and the intent client that spends them over a socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from deployments.embedded import EmbeddedBackends
from deployments.environment import free_ports
from pipeline.breaker import Breaker
from pipeline.budget import Budget, Prices
from pipeline.clients.groq_intent import GroqIntent, tokens_at_most
from pipeline.clients.groq_prompt import request_body
from pipeline.clients.spending import RedisSpending
from pipeline.types import OVER_BUDGET
from tests.support.groq_server import Fault, GroqServer

PRICES = Prices(prompt=1000.0, completion=1000.0)  #: a token is a tenth of a cent
ANSWER_USD = PRICES.usd(230, 14)  #: what the stand-in writes as its usage
ESTIMATE_USD = PRICES.usd(*tokens_at_most(request_body("any", "APP_LOGIN_OTP", "", "json_object")))


@pytest.fixture
async def server() -> AsyncIterator[GroqServer]:
    async with GroqServer() as running:
        yield running


@pytest.fixture
async def spending(backends: EmbeddedBackends) -> AsyncIterator[RedisSpending]:
    opened = RedisSpending(backends.redis_url, timeout_s=5.0)
    yield opened
    await opened.close()


class Replica:
    """A client with a budget, and what it said of its calls."""

    def __init__(self, url: str, spending: RedisSpending, usd_per_day: float, **options: object) -> None:
        self.outcomes: list[str] = []
        self.budget = Budget(spending, usd_per_day=usd_per_day, shares=2)
        self._client = GroqIntent(
            "gsk_test",
            base_url=url,
            prices=PRICES,
            budget=self.budget,
            on_outcome=self.outcomes.append,
            **{"breaker": Breaker(threshold=1000), **options},  # type: ignore[arg-type]
        )

    async def ask(self, tenant: str, count: int = 1, budget_s: float = 5.0) -> list[str | None]:
        return await self._client.classify(
            ["APP_LOGIN_OTP"] * count, [""] * count, [budget_s] * count, [tenant] * count
        )


async def test_the_sum_is_kept_for_a_day_and_no_longer(
    backends: EmbeddedBackends, spending: RedisSpending, unique: str
):
    assert await spending.reserve(unique, "2026-01-31", 60, 100, 0) == (True, 60)
    assert await spending.reserve(unique, "2026-01-31", 60, 100, 0) == (False, 60)
    assert await spending.reserve(unique, "2026-01-31", 60, 100, -20) == (True, 100)
    assert await spending.reserve(unique, "2026-02-01", 60, 100, 0) == (True, 60)
    redis = Redis.from_url(backends.redis_url)
    (key,) = [key async for key in redis.scan_iter(f"*{unique}:2026-01-31")]
    assert 86_400 < await redis.ttl(key) <= 2 * 86_400
    await redis.aclose()


async def test_reservations_at_once_do_not_pass_the_limit(spending: RedisSpending, unique: str):
    told = await asyncio.gather(*(spending.reserve(unique, "today", 10, 95, 0) for _ in range(50)))
    assert [granted for granted, _ in filter(None, told)].count(True) == 9


async def test_a_redis_that_is_not_there_says_nothing():
    (port,) = free_ports(1)
    failures: list[str] = []
    spending = RedisSpending(
        f"redis://127.0.0.1:{port}/0", timeout_s=5.0, on_failure=lambda _, why: failures.append(why)
    )
    assert await spending.reserve("bank", "today", 1, 100, 0) is None
    assert failures == ["ConnectionError"]
    await spending.close()


async def test_replicas_together_spend_a_budget_and_then_nobody_is_asked(
    server: GroqServer, spending: RedisSpending, unique: str
):
    first, second = (Replica(server.url, spending, 10 * ANSWER_USD + ESTIMATE_USD) for _ in range(2))
    answers = [(await replica.ask(unique))[0] for _ in range(10) for replica in (first, second)]
    assert answers[:10] == ["APP_LOGIN_OTP"] * 10 and answers[12:] == [OVER_BUDGET] * 8
    sent = len(server.requests)
    assert 10 <= sent <= 12 and (first.outcomes + second.outcomes).count("over_budget") == 20 - sent
    assert await first.ask(f"{unique}b") == ["APP_LOGIN_OTP"]


async def test_a_budget_of_nothing_asks_nobody(server: GroqServer, spending: RedisSpending, unique: str):
    assert await Replica(server.url, spending, 0.0).ask(unique, 3) == [OVER_BUDGET] * 3
    assert server.requests == []


@pytest.mark.parametrize("fault", ["500", "429", "401", "bad_request"])
async def test_refused_requests_cost_nothing(server: GroqServer, spending: RedisSpending, unique: str, fault: Fault):
    server.fault, server.retry_after_s = fault, 0.001
    replica = Replica(server.url, spending, 2 * ESTIMATE_USD)
    for _ in range(5):
        assert await replica.ask(unique) == [None]
    server.fault = "ok"
    await asyncio.sleep(0.01)
    assert await replica.ask(unique) == ["APP_LOGIN_OTP"]


@pytest.mark.parametrize("fault", ["hang", "garbage"])
async def test_what_may_have_been_answered_costs_the_estimate(
    server: GroqServer, spending: RedisSpending, unique: str, fault: Fault
):
    replica = Replica(server.url, spending, 3.5 * ESTIMATE_USD)
    await replica.ask(f"{unique}b")
    server.fault = fault
    answers = [(await replica.ask(unique, budget_s=1.0))[0] for _ in range(5)]
    assert answers == [None] * 3 + [OVER_BUDGET] * 2


async def test_without_redis_a_replica_spends_its_share(server: GroqServer, unique: str):
    (port,) = free_ports(1)
    replica = Replica(server.url, RedisSpending(f"redis://127.0.0.1:{port}/0", timeout_s=5.0), 12 * ESTIMATE_USD)
    answers = [(await replica.ask(unique))[0] for _ in range(20)]
    assert answers[:6] == ["APP_LOGIN_OTP"] * 6 and answers[-1] == OVER_BUDGET
    assert len(server.requests) * ANSWER_USD <= 6 * ESTIMATE_USD


async def test_an_open_breaker_costs_no_budget(server: GroqServer, spending: RedisSpending, unique: str):
    server.fault = "500"
    replica = Replica(server.url, spending, 1.5 * ESTIMATE_USD, breaker=Breaker(threshold=1, probe_interval_s=0.3))
    for _ in range(5):
        assert await replica.ask(unique) == [None]
    assert replica.outcomes == ["open"] * 5 and len(server.requests) == 1
    server.fault = "ok"
    await asyncio.sleep(0.35)
    assert await replica.ask(unique) == ["APP_LOGIN_OTP"]
