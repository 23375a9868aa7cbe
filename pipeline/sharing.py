"""The transformer stage as versions, live messages and copies share it.

Each version has a `Merger` of its own, so none waits for another; they share the processor alone. Copies for shadows
come from all ingress replicas, each of which knows of its own alone, so it is here, where they meet, that they stand
back: a copy is computed by itself, while nothing live is, so that what arrives meanwhile finds one short micro-batch
under way and no more. Copies that find no such moment in time, or too many others before them, are refused.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from pipeline.merging import Merger
from pipeline.tokens import by_version, select
from pipeline.types import Floats, TokenBatch

_COPIES = 4  #: calls that may wait with copies; each ingress replica makes one at a time


class Sharing:
    """
    Args:
        get: the merger of a version; None where the version is not held.
        patience_s: how long a call with copies may wait for its turns.
    """

    def __init__(self, get: Callable[[str], Merger | None], patience_s: float) -> None:
        self._get = get
        self._patience_s = patience_s
        self._busy = 0  #: live calls, and copies that are being computed
        self._copies = 0  #: calls with copies
        self._idle = asyncio.Event()

    async def score(self, tokens: TokenBatch, versions: Sequence[str]) -> Floats:
        """float32[N]; NaN for items of length 0, of unknown versions, and for those that fail by themselves.

        A call waits for the slowest of the versions that it names.
        """
        groups = by_version(versions)
        with self._at_work():
            if len(groups) == 1:
                return await self._score_by(versions[0], tokens)
            parts = await asyncio.gather(*(self._score_by(ref, select(tokens, rows)) for ref, rows in groups.items()))
        logits = _nothing(len(versions))
        for rows, part in zip(groups.values(), parts, strict=True):
            logits[rows] = part
        return logits

    async def score_copies(self, tokens: TokenBatch, versions: Sequence[str]) -> Floats | None:
        """The same for copies, one by one, each while nothing live is computed; None: there is no time for them."""
        if self._copies == _COPIES:
            return None
        self._copies += 1
        try:
            return await self._score_in_turns(tokens, versions)
        finally:
            self._copies -= 1

    async def _score_in_turns(self, tokens: TokenBatch, versions: Sequence[str]) -> Floats | None:
        logits = _nothing(len(versions))
        give_up = asyncio.get_running_loop().time() + self._patience_s
        for item, version in enumerate(versions):
            if not await self._turn(give_up):
                return None
            with self._at_work():
                logits[item] = (await self._score_by(version, select(tokens, np.asarray([item]))))[0]
        return logits

    async def _turn(self, give_up: float) -> bool:
        """Wait until nothing is computed, for so long at the most; whether that is so."""
        try:
            async with asyncio.timeout_at(give_up):
                while self._busy:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            return False
        return True

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def _score_by(self, version: str, tokens: TokenBatch) -> Floats:
        merger = self._get(version)
        return _nothing(len(tokens.lengths)) if merger is None else await merger.score(tokens)


def _nothing(size: int) -> Floats:
    return np.full(size, np.nan, dtype=np.float32)
