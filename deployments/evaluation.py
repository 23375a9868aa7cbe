"""Labelled messages through a server over HTTP, one by one or in bulk, timed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from deployments.client import Client
from pipeline.errors import WinnowError
from pipeline.types import Verdict
from pipeline.wire import BadItem, ClassifyRequest

_BULK_DEADLINE_MS = 30_000
_BULKS_IN_FLIGHT = 2

Outcome = Verdict | WinnowError
Advance = Callable[[int], object]  #: hears how many messages were just answered
T = TypeVar("T")
R = TypeVar("R")


class Labelled(msgspec.Struct, frozen=True):
    text: str
    spam: bool
    sender: str = ""


class Pass(msgspec.Struct, frozen=True):
    """All messages, sent once."""

    name: str
    outcomes: list[Outcome]  #: one a message, in order
    seconds: list[float]  #: one a request
    wall_s: float


async def one_by_one(client: Client, messages: Sequence[Labelled], concurrency: int, advance: Advance) -> Pass:
    """One message a request, `concurrency` requests at once."""

    async def work(message: Labelled) -> Outcome:
        try:
            return await client.classify(ClassifyRequest(text=message.text, sender=message.sender))
        except WinnowError as error:
            return error
        finally:
            advance(1)

    outcomes, seconds, wall_s = await _closed_loop(work, messages, concurrency)
    return Pass(f"single, {concurrency} at once", outcomes, seconds, wall_s)


async def in_bulk(client: Client, messages: Sequence[Labelled], size: int, advance: Advance) -> Pass:
    """`size` messages a request, two requests at once."""

    async def work(part: Sequence[Labelled]) -> list[Outcome]:
        requests = [ClassifyRequest(text=m.text, sender=m.sender, deadline_ms=_BULK_DEADLINE_MS) for m in part]
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
    return Pass(f"bulk of {size}, {_BULKS_IN_FLIGHT} at once", outcomes, seconds, wall_s)


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
