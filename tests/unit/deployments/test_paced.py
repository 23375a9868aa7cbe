import asyncio
import os
from collections.abc import Sequence
from typing import Any

import pytest

from deployments.costs import BULK
from deployments.paced import IN_FLIGHT, Server, paced
from pipeline.errors import Overloaded, Unavailable
from pipeline.types import Verdict
from pipeline.wire import BadItem, ClassifyRequest
from tests.unit.deployments.test_latency import verdict
from training.examples import Example

FAST = 1e9  #: messages a second


class Answers:
    """Answers all alike, and notes who asked how."""

    def __init__(self, outcome: Verdict | Exception, delay_s: float = 0.0) -> None:
        self._outcome, self._delay_s = outcome, delay_s
        self.texts: list[str] = []
        self.sizes: list[int] = []
        self.waiting = self.most = 0

    async def classify(self, request: ClassifyRequest) -> Verdict:
        (answer,) = await self._answer([request])
        if isinstance(answer, BadItem):
            raise answer.error
        return answer

    async def classify_batch(self, requests: Sequence[ClassifyRequest]) -> list[Verdict | BadItem]:
        return await self._answer(requests)

    async def _answer(self, requests: Sequence[ClassifyRequest]) -> list[Any]:
        self.texts += [request.text for request in requests]
        self.sizes.append(len(requests))
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(self._delay_s)
        self.waiting -= 1
        bad = self._outcome
        return [BadItem(None, bad) if isinstance(bad, Exception) else bad for _ in requests]


def messages(count: int) -> list[Example]:
    return [Example(text=str(i), source="test") for i in range(count)]


async def test_every_message_is_sent_once_and_in_order():
    client = Answers(verdict())
    outcomes = await paced(client, messages(25), FAST, 1)
    assert client.texts == [str(i) for i in range(25)]
    assert outcomes == [verdict()] * 25
    assert client.sizes == [1] * 25


async def test_bulks_are_cut_to_size():
    client = Answers(verdict())
    await paced(client, messages(25), FAST, 10)
    assert sorted(client.sizes) == [5, 10, 10]


@pytest.mark.parametrize(("size", "most"), [(1, IN_FLIGHT), (BULK, IN_FLIGHT // BULK)])
async def test_a_slow_server_is_not_flooded(size: int, most: int):
    client = Answers(verdict(), delay_s=0.01)
    await paced(client, messages(2 * IN_FLIGHT), FAST, size)
    assert client.most == most


async def test_requests_do_not_wait_for_answers():
    client = Answers(verdict(), delay_s=0.2)
    await paced(client, messages(20), 1_000.0, 1)
    assert client.most == 20


async def test_an_error_is_the_outcome_of_its_messages():
    error = Overloaded()
    assert await paced(Answers(error), messages(3), FAST, 1) == [error] * 3
    assert await paced(Answers(error), messages(3), FAST, 2) == [error] * 3


async def test_a_load_says_what_was_skipped_and_cached():
    client = Answers(verdict(models={"gate": "lightgbm/1"}, cache="memory"))
    load = await Server(client, os.getpid()).load("single", 1_000.0, 0.02)
    assert (load.sample.kind, load.sample.messages, load.skipped, load.cached) == ("single", 20, 20, 20)
    assert load.sample.used["Ray"].cpu_s >= 0.0
    assert len(set(client.texts)) == 20


async def test_a_transformer_that_took_part_was_not_skipped():
    load = await Server(Answers(verdict(models={"spam": "distilbert/1"})), os.getpid()).load("bulk", 5_000.0, 0.02)
    assert (load.skipped, load.cached) == (0, 0)


async def test_costs_of_incomplete_verdicts_are_refused():
    degraded = Server(Answers(verdict(status="degraded", degraded=("lightgbm",))), os.getpid())
    with pytest.raises(Unavailable, match="degraded, without lightgbm"):
        await degraded.load("single", 1_000.0, 0.01)
    with pytest.raises(Overloaded):
        await Server(Answers(Overloaded()), os.getpid()).load("single", 1_000.0, 0.01)


async def test_rest_asks_nothing():
    client = Answers(verdict())
    sample = await Server(client, os.getpid()).rest(0.01)
    assert (sample.kind, sample.messages, client.sizes) == (None, 0, [])
    assert sample.seconds >= 0.01
