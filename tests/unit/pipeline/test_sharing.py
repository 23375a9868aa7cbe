"""Sharing the transformer: versions do not wait for each other, and copies wait for everybody."""

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.merging import Merger
from pipeline.sharing import Sharing
from pipeline.types import Floats, TokenBatch

#: Version to the factor that its logits are multiplied with.
VERSIONS = {"a/1": 1.0, "b/1": 2.0}
_ITEMS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([*VERSIONS, "unknown/1"])), min_size=1, max_size=12)


class World:
    """Models whose logit of an item is its length times their factor; each may be told to hang."""

    def __init__(self, patience_s: float = 5.0) -> None:
        self.batches: list[tuple[str, list[int]]] = []
        self._begun = asyncio.Event()
        self.open = {ref: asyncio.Event() for ref in VERSIONS}
        for event in self.open.values():
            event.set()
        self._mergers = {ref: self._merger(ref) for ref in VERSIONS}
        self.sharing = Sharing(self._mergers.get, patience_s)

    def _merger(self, ref: str) -> Merger:
        async def run(tokens: TokenBatch) -> Floats:
            self.batches.append((ref, tokens.lengths.tolist()))
            self._begun.set()
            await self.open[ref].wait()
            return tokens.lengths * np.float32(VERSIONS[ref])

        return Merger(ref, run, budget=64)

    async def started(self) -> None:
        """Wait until the first micro-batch was begun."""
        await asyncio.wait_for(self._begun.wait(), 5)

    def live(self, *lengths: int, ref: str = "a/1") -> "asyncio.Task[Floats]":
        return asyncio.create_task(self.sharing.score(tokens_of(lengths), [ref] * len(lengths)))

    def copies(self, *lengths: int, ref: str = "b/1") -> "asyncio.Task[Floats | None]":
        return asyncio.create_task(self.sharing.score_copies(tokens_of(lengths), [ref] * len(lengths)))


def tokens_of(lengths: tuple[int, ...]) -> TokenBatch:
    return TokenBatch(ids=np.zeros(sum(lengths), dtype=np.int32), lengths=np.asarray(lengths, dtype=np.int32))


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


@given(_ITEMS, st.booleans())
def test_each_item_is_answered_by_its_version_or_not_at_all(items: list[tuple[int, str]], copies: bool) -> None:
    async def run() -> Floats | None:
        sharing = World().sharing
        tokens, versions = tokens_of(tuple(length for length, _ in items)), [ref for _, ref in items]
        return await (sharing.score_copies if copies else sharing.score)(tokens, versions)

    expected = [length * VERSIONS[ref] if length and ref in VERSIONS else math.nan for length, ref in items]
    assert np.array_equal(asyncio.run(run()), np.asarray(expected, dtype=np.float32), equal_nan=True)


async def test_a_version_that_hangs_leaves_the_others_theirs() -> None:
    world = World()
    world.open["b/1"].clear()
    hanging = world.live(5, ref="b/1")
    await world.started()
    assert (await asyncio.wait_for(world.live(7), 5)).tolist() == [7.0]
    assert not hanging.done()
    hanging.cancel()


async def test_copies_wait_until_nothing_live_is_computed_and_go_one_by_one() -> None:
    world = World()
    world.open["a/1"].clear()
    live = world.live(7)
    await world.started()
    copies = world.copies(1, 2, 3)
    await settle()
    assert world.batches == [("a/1", [7])]
    world.open["a/1"].set()
    assert (await copies).tolist() == [2.0, 4.0, 6.0]
    assert world.batches[1:] == [("b/1", [1]), ("b/1", [2]), ("b/1", [3])]
    await live


async def test_what_is_live_waits_for_one_copy_at_the_most() -> None:
    world = World()
    world.open["b/1"].clear()
    copies = [world.copies(1, 2), world.copies(3)]
    await world.started()
    live = world.live(7, ref="b/1")
    await settle()
    world.open["b/1"].set()
    await asyncio.gather(live, *copies)
    assert world.batches[:2] == [("b/1", [1]), ("b/1", [7])]
    assert sorted(lengths for _, lengths in world.batches[2:]) == [[2], [3]]


async def test_copies_for_which_there_is_no_time_are_refused() -> None:
    world = World(patience_s=0.01)
    world.open["a/1"].clear()
    live = world.live(7)
    await world.started()
    assert await world.copies(1) is None
    world.open["a/1"].set()
    await live
    assert (await world.copies(1)).tolist() == [2.0]


async def test_few_calls_with_copies_wait_and_more_are_refused_at_once() -> None:
    world = World()
    world.open["a/1"].clear()
    live = world.live(7)
    await world.started()
    calls = [world.copies(1) for _ in range(50)]
    await settle()
    assert [call.result() for call in calls if call.done()] == [None] * 46
    world.open["a/1"].set()
    await live
    assert sum(call is not None for call in await asyncio.gather(*calls)) == 4


@pytest.mark.parametrize("hung_up", ["live", "copies"])
async def test_a_caller_that_hangs_up_is_not_waited_for(hung_up: str) -> None:
    world = World()
    world.open["a/1"].clear()
    caller = world.live(7) if hung_up == "live" else world.copies(7, ref="a/1")
    await world.started()
    caller.cancel()
    assert (await asyncio.wait_for(world.copies(1), 5)).tolist() == [2.0]
