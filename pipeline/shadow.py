"""Shadows: versions that see copies of messages and change nothing.

They run beside the live path on what it leaves them: a few copies at a time, with a pause after each batch that keeps
them to a small share of the time, and a short queue beyond which copies are dropped and counted. That bounds what they
take of this process. The transformer is shared by all ingress replicas, so there copies stand back by themselves
(`pipeline.sharing`): it has them wait until it is idle, and those that it refuses are dropped as well; the pause grows
with the wait. The other stages take so little time for a few copies that they need no such care. So a share of 100 % is
an upper bound: the more traffic there is, the smaller the part of it that a shadow sees.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from pipeline.errors import Overloaded, describe
from pipeline.flow import TOKENIZER, TRANSFORMER, Stages
from pipeline.observe import Observer
from pipeline.router import Copy
from pipeline.types import Assessment, Floats, Message, TokenBatch, TransformerStage

log = logging.getLogger(__name__)

_BATCH = 4  #: copies; a live message that comes in between waits for no more than these
_QUEUE = 256
_DUTY = 0.2  #: largest share of the time


class _Copied(msgspec.Struct, frozen=True):
    message: Message  #: with the shadow's versions
    copy: Copy
    live: str  #: what the verdict said, as a label


class Comparison(msgspec.Struct, frozen=True):
    """What became of one copy."""

    task: str
    arm: str
    live: str  #: what the verdict said, as a label: "spam", "not_otp" …
    shadow: str | None  #: what the shadow would have said; None: it gave no answer


class Shadows:
    """
    Args:
        assess: assesses messages by the versions that they name, on stages `for_copies`; `Overloaded`: not now.
        says: what a verdict on an assessed message would say of a task; None: nobody could tell.
        report: hears of every comparison.
        observer: hears of batches and of dropped copies.
    """

    def __init__(
        self,
        assess: Callable[[Sequence[Message]], Awaitable[list[Assessment]]],
        says: Callable[[str, Message, Assessment], str | None],
        report: Callable[[Comparison], None],
        observer: Observer,
    ) -> None:
        self._assess = assess
        self._says = says
        self._report = report
        self._observer = observer
        self._waiting: deque[_Copied] = deque()
        self._task: asyncio.Task[None] | None = None

    def offer(self, message: Message, copy: Copy, live: str) -> None:
        """Let a shadow see a message, if there is room."""
        if len(self._waiting) >= _QUEUE:
            self._observer.dropped("shadow", "refused")
            return
        self._waiting.append(_Copied(msgspec.structs.replace(message, versions=copy.versions), copy, live))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            while self._waiting:
                started = time.monotonic()
                await self._run([self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))])
                await asyncio.sleep((time.monotonic() - started) * (1 / _DUTY - 1))
        finally:
            self._task = None

    async def _run(self, batch: list[_Copied]) -> None:
        try:
            assessments = await self._assess([each.message for each in batch])
            said = [self._answer(each, a) for each, a in zip(batch, assessments, strict=True)]
        except Overloaded:
            for _ in batch:
                self._observer.dropped("shadow", "refused")
            return
        except Exception as error:  # a shadow changes nothing, whatever it does
            log.warning("shadows failed: %s", describe(error))
            said = [None] * len(batch)
        self._observer.batch("shadow", len(batch), 0.0)
        for each, answer in zip(batch, said, strict=True):
            self._report(Comparison(each.copy.task, each.copy.arm, each.live, answer))

    def _answer(self, copied: _Copied, assessment: Assessment) -> str | None:
        """What the shadow says; a transformer that gave no logit says nothing, whatever its gate would."""
        if copied.copy.task == "spam" and {TOKENIZER, TRANSFORMER}.intersection(assessment.degraded):
            return None
        return self._says(copied.copy.task, copied.message, assessment)


def for_copies(stages: Stages) -> Stages:
    """The same stages for copies; the transformer raises `Overloaded` where live messages leave it no time for them."""
    return msgspec.structs.replace(stages, transformer=_SpareTransformer(stages.transformer))


class _SpareTransformer:
    """A `TransformerStage`."""

    def __init__(self, stage: TransformerStage) -> None:
        self.score_copies = stage.score_copies

    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        logits = await self.score_copies(tokens, versions)
        if logits is None:
            raise Overloaded("the transformer has no time for copies")
        return logits
