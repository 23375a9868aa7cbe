"""A load of a given rate, and what it costs a server of this machine."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from deployments import usage
from deployments.cost_fit import Sample
from deployments.costs import BULK, Kind
from deployments.evaluation import Answerer, Outcome
from deployments.fresh import fresh
from deployments.latency import failure, is_cached
from pipeline.errors import Unavailable, WinnowError
from pipeline.types import Verdict
from pipeline.wire import BadItem, ClassifyRequest
from training.examples import Example

IN_FLIGHT = 256  #: messages; a server that falls behind is asked more slowly than at the rate
_DEADLINE_MS = 30_000


class Load(msgspec.Struct, frozen=True):
    """A load as it went, with the CPU that it took."""

    sample: Sample
    skipped: int  #: messages that the cascade kept from the transformer
    cached: int  #: messages that a cache answered

    @property
    def rate(self) -> float:
        """Messages a second, as they were answered."""
        return self.sample.messages / self.sample.seconds


class Server:
    """A server of this machine whose CPU can be read.

    Args:
        client: asks it.
        pid: of the process that started it.
    """

    def __init__(self, client: Answerer, pid: int) -> None:
        self._client = client
        self._pid = pid

    async def rest(self, seconds: float) -> Sample:
        """What it takes with nothing to do."""
        before, started = usage.read(self._pid), time.perf_counter()
        await asyncio.sleep(seconds)
        return self._sample(None, before, started, 0)

    async def load(self, kind: Kind, rate: float, seconds: float) -> Load:
        """What it takes at `rate` messages a second, none of which it has seen.

        Raises:
            Unavailable: a stage was left out; what it took then says nothing of a complete verdict.
            WinnowError: the first one, where a message got no verdict.
        """
        messages = fresh(max(1, round(rate * seconds)))
        before, started = usage.read(self._pid), time.perf_counter()
        outcomes = await paced(self._client, messages, rate, BULK if kind == "bulk" else 1)
        sample = self._sample(kind, before, started, len(messages))
        verdicts = [_complete(outcome) for outcome in outcomes]
        skipped = sum("spam" not in verdict.models for verdict in verdicts)
        return Load(sample, skipped, sum(map(is_cached, verdicts)))

    def _sample(self, kind: Kind | None, before: usage.Reading, started: float, messages: int) -> Sample:
        after = usage.read(self._pid)
        return Sample(kind, time.perf_counter() - started, messages, usage.used(before, after))


async def paced(client: Answerer, messages: Sequence[Example], rate: float, size: int) -> list[Outcome]:
    """Send `rate` messages a second, `size` a request, each request at its time whether answers came or not.

    Args:
        client: answers.
        messages: one by one where `size` is 1.
        rate: messages a second.
        size: messages in a request.

    Returns:
        The outcome of each message, in order.
    """
    free = asyncio.Semaphore(max(2, IN_FLIGHT // size))
    started = time.perf_counter()

    async def send(part: Sequence[Example]) -> list[Outcome]:
        try:
            return await _ask(client, part)
        finally:
            free.release()

    sent = []
    for begin in range(0, len(messages), size):
        await asyncio.sleep(max(0.0, started + begin / rate - time.perf_counter()))
        await free.acquire()
        sent.append(asyncio.create_task(send(messages[begin : begin + size])))
    answered = await asyncio.gather(*sent)
    await asyncio.sleep(max(0.0, started + len(messages) / rate - time.perf_counter()))
    return [outcome for part in answered for outcome in part]


async def _ask(client: Answerer, part: Sequence[Example]) -> list[Outcome]:
    requests = [ClassifyRequest(text=m.text, sender=m.sender, deadline_ms=_DEADLINE_MS) for m in part]
    try:
        if len(requests) == 1:
            return [await client.classify(requests[0])]
        return [each.error if isinstance(each, BadItem) else each for each in await client.classify_batch(requests)]
    except WinnowError as error:
        return [error] * len(part)


def _complete(outcome: Outcome) -> Verdict:
    if isinstance(outcome, WinnowError):
        raise outcome
    if failure(outcome):
        raise Unavailable(f"an answer is {outcome.status}, without {', '.join(outcome.degraded)}; try a lower rate")
    return outcome
