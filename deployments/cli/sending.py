"""A stream of messages through the server: batches, several in flight, answers in order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from deployments.cli.messages import Line
from deployments.client import Client
from pipeline.errors import InvalidField, MalformedJson, TooLarge, WinnowError
from pipeline.types import Verdict
from pipeline.wire import BadItem, ClassifyRequest

BATCH = 500  #: messages in one request
BATCH_CHARS = 1_000_000  #: characters in one request, well below what a server accepts
IN_FLIGHT = 3

T = TypeVar("T")
R = TypeVar("R")


class Answer(msgspec.Struct, frozen=True):
    line: Line
    outcome: Verdict | WinnowError


async def classify_lines(client: Client, lines: Iterable[Line], deliver: Callable[[list[Answer]], None]) -> None:
    """Hand over the answers of all lines, in order. A line that cannot be classified does not stop the rest.

    Raises:
        Unavailable, Unauthenticated, Forbidden: it would be the same for all that follows.
    """

    async def work(batch: list[Line]) -> list[Answer]:
        return await _classify(client, batch)

    await in_order(work, batches(lines), IN_FLIGHT, deliver)


def batches(lines: Iterable[Line], items: int = BATCH, chars: int = BATCH_CHARS) -> Iterator[list[Line]]:
    """Lines in order, cut by count and by length; a line that is too long alone is a batch of its own."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        length = _length(line)
        if batch and (len(batch) == items or size + length > chars):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch


async def in_order(
    work: Callable[[T], Awaitable[R]], items: Iterable[T], width: int, deliver: Callable[[R], None]
) -> None:
    """Do the work of all items, at most `width` at once, and hand over the results in order."""
    waiting: deque[asyncio.Future[R]] = deque()
    try:
        for item in items:
            waiting.append(asyncio.ensure_future(work(item)))
            if len(waiting) == width:
                deliver(await waiting.popleft())
        while waiting:
            deliver(await waiting.popleft())
    finally:
        for future in waiting:
            future.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _classify(client: Client, batch: list[Line]) -> list[Answer]:
    requests = [line.request for line in batch if line.request]
    outcomes = iter(await _outcomes(client, requests) if requests else [])
    return [Answer(line, line.error or next(outcomes)) for line in batch]


async def _outcomes(client: Client, requests: list[ClassifyRequest]) -> list[Verdict | WinnowError]:
    try:
        answered = await client.classify_batch(requests)
    except (TooLarge, MalformedJson, InvalidField) as error:
        return [error] * len(requests)
    return [outcome.error if isinstance(outcome, BadItem) else outcome for outcome in answered]


def _length(line: Line) -> int:
    text = line.request.text if line.request else ""
    return len(text) if isinstance(text, str) else 0  # JSON may hold anything; the server will say so
