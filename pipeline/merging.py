"""Micro-batches cut from everything that waits for one transformer version, whoever asked for it.

Several ingress replicas send batches of their own. Their items meet here in one queue, so that texts of like length
share a micro-batch whichever replica they came from, and one long request does not make a short one wait for its end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np

from pipeline.batching import micro_batches
from pipeline.errors import describe
from pipeline.tokens import select
from pipeline.types import Floats, TokenBatch

log = logging.getLogger(__name__)

#: Logits of one micro-batch; NaN for an item that fails by itself.
Run = Callable[[TokenBatch], Awaitable[Floats]]


class _Job:
    """One call of `Merger.score`, and how many of its items have no answer yet."""

    def __init__(self, tokens: TokenBatch, future: asyncio.Future[Floats]) -> None:
        self.tokens = tokens
        self.future = future
        self.logits = np.full(len(tokens.lengths), np.nan, dtype=np.float32)
        self.open = 0

    def settle(self, indices: Sequence[int], logits: Floats | None) -> None:
        """Fill in answers, or leave them out where there are none."""
        if logits is not None:
            self.logits[list(indices)] = logits
        self.open -= len(indices)
        if not self.open and not self.future.done():
            self.future.set_result(self.logits)


class _Item:
    __slots__ = ("index", "job")

    def __init__(self, job: _Job, index: int) -> None:
        self.job = job
        self.index = index


class Merger:
    """
    Args:
        version: that computes, for the log.
        run: computes a micro-batch; one at a time is asked for.
        budget: padded tokens that a micro-batch may hold.
    """

    def __init__(self, version: str, run: Run, budget: int) -> None:
        self._version = version
        self._run = run
        self._budget = budget
        self._waiting: list[_Item] = []  #: oldest first
        self._plan: list[list[_Item]] = []  #: micro-batches of what waits, the one with the oldest item last
        self._task: asyncio.Task[None] | None = None

    async def score(self, tokens: TokenBatch) -> Floats:
        """float32[N]; NaN for items of length 0 and for those that fail by themselves."""
        job = _Job(tokens, asyncio.get_running_loop().create_future())
        items = [_Item(job, index) for index, length in enumerate(tokens.lengths.tolist()) if length]
        if not items:
            return job.logits
        job.open = len(items)
        self._waiting += items
        self._plan = []
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        try:
            return await job.future
        except asyncio.CancelledError:  # the caller hung up; behind a model that hangs nothing else would forget it
            self._waiting = [item for item in self._waiting if item.job is not job]
            self._plan = []
            raise

    async def _work(self) -> None:
        """Run micro-batches until nothing waits."""
        try:
            while batch := self._next():
                await self._compute(batch)
        finally:
            self._task = None

    def _next(self) -> list[_Item]:
        """The micro-batch with the oldest item, so that nothing starves; empty when nothing waits.

        What arrives makes a new plan, as the items that it brings may fill up the micro-batches of older ones.
        """
        if not self._plan:
            self._plan = self._cut()
        batch = self._plan.pop() if self._plan else []
        taken = set(map(id, batch))
        self._waiting = [item for item in self._waiting if id(item) not in taken]
        return batch

    def _cut(self) -> list[list[_Item]]:
        lengths = np.asarray([item.job.tokens.lengths[item.index] for item in self._waiting], dtype=np.int32)
        cuts = sorted(micro_batches(lengths, self._budget), key=lambda places: -int(places.min()))
        return [[self._waiting[place] for place in places] for places in cuts]

    async def _compute(self, batch: list[_Item]) -> None:
        by_job: dict[_Job, list[int]] = {}
        for item in batch:
            if not item.job.future.done():
                by_job.setdefault(item.job, []).append(item.index)
        if not by_job:
            return
        logits = await self._attempt(by_job)
        start = 0
        for job, indices in by_job.items():
            job.settle(indices, None if logits is None else logits[start : start + len(indices)])
            start += len(indices)

    async def _attempt(self, by_job: Mapping[_Job, Sequence[int]]) -> Floats | None:
        """Logits of the items, or None where the model failed them all: those who wait behind them must not hang."""
        try:
            parts = [select(job.tokens, np.asarray(indices)) for job, indices in by_job.items()]
            ids, lengths = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "lengths"))
            return await self._run(TokenBatch(ids=ids, lengths=lengths))
        except Exception as error:
            log.warning("a micro-batch of %s failed: %s", self._version, describe(error))
            return None
