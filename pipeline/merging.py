"""Micro-batches cut from everything that waits for the transformer, whoever asked for it.

Several ingress replicas send batches of their own. Their items meet here in one queue, so that texts of like length
share a micro-batch whichever replica they came from, and one long request does not make a short one wait for its end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np

from pipeline.batching import micro_batches
from pipeline.errors import describe
from pipeline.tokens import by_version, select
from pipeline.types import Floats, TokenBatch

log = logging.getLogger(__name__)

#: Logits of one micro-batch by the named version; NaN for an item that fails by itself.
Run = Callable[[str, TokenBatch], Awaitable[Floats]]


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
    __slots__ = ("index", "job", "version")

    def __init__(self, job: _Job, index: int, version: str) -> None:
        self.job = job
        self.index = index
        self.version = version


class Merger:
    """
    Args:
        run: computes a micro-batch; one at a time is asked for.
        budget: padded tokens that a micro-batch of a version may hold; None: the version is unknown.
    """

    def __init__(self, run: Run, budget: Callable[[str], int | None]) -> None:
        self._run = run
        self._budget = budget
        self._waiting: list[_Item] = []  #: oldest first
        self._plan: list[list[_Item]] = []  #: micro-batches of what waits, the one with the oldest item last
        self._task: asyncio.Task[None] | None = None

    async def score(self, tokens: TokenBatch, versions: Sequence[str]) -> Floats:
        """float32[N]; NaN for items of length 0, of unknown versions, and for those that fail by themselves."""
        job = _Job(tokens, asyncio.get_running_loop().create_future())
        known = {version for version in set(versions) if self._budget(version)}
        items = [
            _Item(job, index, version)
            for index, (version, length) in enumerate(zip(versions, tokens.lengths.tolist(), strict=True))
            if length and version in known
        ]
        if not items:
            return job.logits
        job.open = len(items)
        self._waiting += items
        self._plan = []
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await job.future

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
            self._waiting = [item for item in self._waiting if not item.job.future.done()]  # others hung up
            self._plan = self._cut()
        batch = self._plan.pop() if self._plan else []
        taken = set(map(id, batch))
        self._waiting = [item for item in self._waiting if id(item) not in taken]
        return batch

    def _cut(self) -> list[list[_Item]]:
        cuts: list[tuple[int, list[_Item]]] = []
        lengths = np.asarray([item.job.tokens.lengths[item.index] for item in self._waiting], dtype=np.int32)
        for version, rows in by_version([item.version for item in self._waiting]).items():
            for cut in micro_batches(lengths[rows], self._budget(version) or 1):
                places = rows[cut]
                cuts.append((int(places.min()), [self._waiting[place] for place in places]))
        return [items for _, items in sorted(cuts, key=lambda each: -each[0])]

    async def _compute(self, batch: list[_Item]) -> None:
        by_job: dict[_Job, list[int]] = {}
        for item in batch:
            if not item.job.future.done():
                by_job.setdefault(item.job, []).append(item.index)
        if not by_job:
            return
        logits = await self._attempt(batch[0].version, by_job)
        start = 0
        for job, indices in by_job.items():
            job.settle(indices, None if logits is None else logits[start : start + len(indices)])
            start += len(indices)

    async def _attempt(self, version: str, by_job: Mapping[_Job, Sequence[int]]) -> Floats | None:
        """Logits of the items, or None where the model failed them all: those who wait behind them must not hang."""
        try:
            parts = [select(job.tokens, np.asarray(indices)) for job, indices in by_job.items()]
            ids, lengths = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "lengths"))
            return await self._run(version, TokenBatch(ids=ids, lengths=lengths))
        except Exception as error:
            log.warning("a micro-batch of %s failed: %s", version, describe(error))
            return None
