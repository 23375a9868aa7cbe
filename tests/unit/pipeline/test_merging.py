"""The merger: whoever asks, each gets its own answers, short ones do not wait for long ones, and nothing starves."""

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.merging import Merger
from pipeline.types import Floats, TokenBatch

VERSIONS = {"a/1": 32, "b/1": 64}
Call = list[tuple[int, str]]  #: length and version of each item


class Model:
    """The logit of an item is the sum of its tokens; 13 tokens make it fail."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[int]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False

    async def __call__(self, version: str, tokens: TokenBatch) -> Floats:
        self.batches.append((version, tokens.lengths.tolist()))
        await self.open.wait()
        if self.broken:
            raise RuntimeError
        ends = np.cumsum(tokens.lengths)
        pieces = [tokens.ids[end - length : end] for end, length in zip(ends, tokens.lengths, strict=True)]
        return np.asarray([math.nan if len(p) == 13 else p.sum() for p in pieces], dtype=np.float32)


def tokens_of(call: Call, start: int) -> TokenBatch:
    lengths = np.asarray([length for length, _ in call], dtype=np.int32)
    ids = [np.arange(start + i, start + i + length) for i, length in enumerate(lengths)]
    return TokenBatch(ids=np.concatenate(ids).astype(np.int32), lengths=lengths)


def expected(call: Call, start: int) -> list[float]:
    nothing = {0, 13}
    return [
        math.nan if length in nothing or version not in VERSIONS else float(sum(range(start + i, start + i + length)))
        for i, (length, version) in enumerate(call)
    ]


_ITEM = st.tuples(st.integers(0, 40), st.sampled_from([*VERSIONS, "unknown/1"]))


@given(st.lists(st.lists(_ITEM, min_size=1, max_size=12), min_size=1, max_size=6))
def test_each_caller_gets_its_own_answers_and_budgets_hold(calls: list[Call]) -> None:
    async def run() -> Model:
        model = Model()
        merger = Merger(model, VERSIONS.get)
        found = await asyncio.gather(
            *(merger.score(tokens_of(call, 100 * n), [v for _, v in call]) for n, call in enumerate(calls))
        )
        for n, (call, logits) in enumerate(zip(calls, found, strict=True)):
            assert np.array_equal(logits, np.asarray(expected(call, 100 * n), dtype=np.float32), equal_nan=True)
        return model

    model = asyncio.run(run())
    for version, lengths in model.batches:
        assert len(lengths) == 1 or max(lengths) * len(lengths) <= VERSIONS[version]


async def test_items_of_several_callers_share_a_micro_batch() -> None:
    model = Model()
    merger = Merger(model, VERSIONS.get)
    await asyncio.gather(*(merger.score(tokens_of([(8, "a/1")], n), ["a/1"]) for n in range(4)))
    assert model.batches == [("a/1", [8, 8, 8, 8])]


async def test_a_short_call_does_not_wait_for_the_end_of_a_long_one_and_the_oldest_goes_first() -> None:
    model = Model()
    merger = Merger(model, VERSIONS.get)
    model.open.clear()
    long = asyncio.create_task(merger.score(tokens_of([(30, "a/1")] * 5, 0), ["a/1"] * 5))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    short = asyncio.create_task(merger.score(tokens_of([(31, "a/1")], 0), ["a/1"]))
    await asyncio.sleep(0)
    model.open.set()
    await short
    assert not math.isnan((await long)[4])
    assert [lengths for _, lengths in model.batches] == [[30]] * 5 + [[31]]


async def test_what_a_caller_left_behind_is_not_computed() -> None:
    model = Model()
    merger = Merger(model, VERSIONS.get)
    model.open.clear()
    first = asyncio.create_task(merger.score(tokens_of([(9, "a/1")], 0), ["a/1"]))
    await asyncio.sleep(0.01)
    gone = asyncio.create_task(merger.score(tokens_of([(20, "b/1")], 0), ["b/1"]))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    model.open.set()
    await first
    assert model.batches == [("a/1", [9])]


async def test_those_who_wait_behind_a_micro_batch_that_fails_do_not_hang() -> None:
    model = Model()
    merger = Merger(model, VERSIONS.get)
    model.broken = True
    long, short = (merger.score(tokens_of([(30, "a/1")] * n, 0), ["a/1"] * n) for n in (3, 1))
    found = await asyncio.wait_for(asyncio.gather(long, short), 1.0)
    assert all(np.isnan(logits).all() for logits in found)


async def test_a_micro_batch_that_fails_leaves_its_items_without_an_answer_and_the_next_one_works() -> None:
    model = Model()
    merger = Merger(model, VERSIONS.get)
    model.broken = True
    assert np.isnan(await merger.score(tokens_of([(8, "a/1")], 0), ["a/1"])).all()
    model.broken = False
    assert await merger.score(tokens_of([(8, "a/1")], 0), ["a/1"]) == pytest.approx([28.0])
