"""Labelled messages through whatever answers them, one by one or in bulk, timed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from pipeline.errors import WinnowError
from pipeline.types import PolicyName, Verdict
from pipeline.wire import BadItem, ClassifyRequest
from training.examples import Example

_BULK_DEADLINE_MS = 30_000
_BULKS_IN_FLIGHT = 2

Outcome = Verdict | WinnowError
Advance = Callable[[int], object]  #: hears how many messages were just answered
T = TypeVar("T")
R = TypeVar("R")


class Answerer(Protocol):
    """A server (`deployments.client`), or the same models in this process (`deployments.offline`)."""

    async def classify(self, request: ClassifyRequest) -> Verdict: ...

    async def classify_batch(self, requests: Sequence[ClassifyRequest]) -> list[Verdict | BadItem]: ...


class Pass(msgspec.Struct, frozen=True):
    """All messages, sent once."""

    name: str
    outcomes: list[Outcome]  #: one a message, in order
    seconds: list[float]  #: one a request
    wall_s: float
    per_message: bool = True  #: each request held one message


async def one_by_one(client: Answerer, messages: Sequence[Example], concurrency: int, advance: Advance) -> Pass:
    """One message a request, `concurrency` requests at once."""

    async def work(message: Example) -> Outcome:
        try:
            return await client.classify(ClassifyRequest(text=message.text, sender=message.sender))
        except WinnowError as error:
            return error
        finally:
            advance(1)

    outcomes, seconds, wall_s = await _closed_loop(work, messages, concurrency)
    return Pass(f"single, {concurrency} at once", outcomes, seconds, wall_s)


async def in_bulk(
    client: Answerer, messages: Sequence[Example], size: int, advance: Advance, policy: PolicyName | None = None
) -> Pass:
    """`size` messages a request, two requests at once; under a policy, else under the tenant's."""

    async def work(part: Sequence[Example]) -> list[Outcome]:
        requests = [
            ClassifyRequest(text=m.text, sender=m.sender, policy=policy, deadline_ms=_BULK_DEADLINE_MS) for m in part
        ]
        try:
            answers = await client.classify_batch(requests)
            return [answer.error if isinstance(answer, BadItem) else answer for answer in answers]
        except WinnowError as error:
            return [error] * len(part)
        finally:
            advance(len(part))

    parts = [messages[start : start + size] for start in range(0, len(messages), size)]
    answered, seconds, wall_s = await _closed_loop(work, parts, _BULKS_IN_FLIGHT)
    outcomes = [outcome for part in answered for outcome in part]
    return Pass(f"bulk of {size}, {_BULKS_IN_FLIGHT} at once", outcomes, seconds, wall_s, per_message=False)


async def _closed_loop(
    work: Callable[[T], Awaitable[R]], jobs: Sequence[T], concurrency: int
) -> tuple[list[R], list[float], float]:
    """Results and seconds of each job in order, and of all: each of N workers takes the next when it is done."""
    done: dict[int, tuple[R, float]] = {}
    queue = iter(enumerate(jobs))

    async def worker() -> None:
        for index, job in queue:
            began = time.perf_counter()
            result = await work(job)
            done[index] = result, time.perf_counter() - began

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    wall_s = time.perf_counter() - started
    ranked = [done[index] for index in range(len(jobs))]
    return [result for result, _ in ranked], [seconds for _, seconds in ranked], wall_s
