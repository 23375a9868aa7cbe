"""The merger: whoever asks, each gets its own answers, short ones do not wait for long ones, and nothing starves."""

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.merging import Merger
from pipeline.types import Floats, TokenBatch

BUDGET = 32


class Model:
    """The logit of an item is the sum of its tokens; 13 tokens make it fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []  #: lengths of the items
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False

    async def __call__(self, tokens: TokenBatch) -> Floats:
        self.batches.append(tokens.lengths.tolist())
        await self.open.wait()
        if self.broken:
            raise RuntimeError
        ends = np.cumsum(tokens.lengths)
        pieces = [tokens.ids[end - length : end] for end, length in zip(ends, tokens.lengths, strict=True)]
        return np.asarray([math.nan if len(p) == 13 else p.sum() for p in pieces], dtype=np.float32)


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def merger(model: Model) -> Merger:
    return Merger("a/1", model, BUDGET)


def tokens_of(lengths: list[int], start: int = 0) -> TokenBatch:
    ids = [np.arange(start + i, start + i + length) for i, length in enumerate(lengths)]
    return TokenBatch(ids=np.concatenate(ids).astype(np.int32), lengths=np.asarray(lengths, dtype=np.int32))


def expected(lengths: list[int], start: int) -> list[float]:
    return [
        math.nan if length in {0, 13} else float(sum(range(start + i, start + i + length)))
        for i, length in enumerate(lengths)
    ]


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=12), min_size=1, max_size=6))
def test_each_caller_gets_its_own_answers_and_the_budget_holds(calls: list[list[int]]) -> None:
    async def run() -> Model:
        model = Model()
        merger = Merger("a/1", model, BUDGET)
        found = await asyncio.gather(*(merger.score(tokens_of(call, 100 * n)) for n, call in enumerate(calls)))
        for n, (call, logits) in enumerate(zip(calls, found, strict=True)):
            assert np.array_equal(logits, np.asarray(expected(call, 100 * n), dtype=np.float32), equal_nan=True)
        return model

    for lengths in asyncio.run(run()).batches:
        assert len(lengths) == 1 or max(lengths) * len(lengths) <= BUDGET


async def test_items_of_several_callers_share_a_micro_batch(model: Model, merger: Merger) -> None:
    await asyncio.gather(*(merger.score(tokens_of([8], n)) for n in range(4)))
    assert model.batches == [[8, 8, 8, 8]]


async def test_a_short_call_does_not_wait_for_the_end_of_a_long_one_and_the_oldest_goes_first(
    model: Model, merger: Merger
) -> None:
    model.open.clear()
    long = asyncio.create_task(merger.score(tokens_of([30] * 5)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    short = asyncio.create_task(merger.score(tokens_of([31])))
    await asyncio.sleep(0)
    model.open.set()
    await short
    assert not math.isnan((await long)[4])
    assert model.batches == [[30]] * 5 + [[31]]


async def test_what_a_caller_left_behind_is_not_computed(model: Model, merger: Merger) -> None:
    model.open.clear()
    first = asyncio.create_task(merger.score(tokens_of([9])))
    await asyncio.sleep(0.01)
    gone, stays = (asyncio.create_task(merger.score(tokens_of([length]))) for length in (20, 25))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    model.open.set()
    await asyncio.gather(first, stays)
    assert model.batches == [[9], [25]]


async def test_callers_that_give_up_on_a_model_that_hangs_leave_nothing_behind(model: Model, merger: Merger) -> None:
    model.open.clear()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(merger.score(tokens_of([30, 31])), 0.01)
    assert model.batches == [[30]]
    assert not merger._waiting


async def test_those_who_wait_behind_a_micro_batch_that_fails_do_not_hang(model: Model, merger: Merger) -> None:
    model.broken = True
    long, short = (merger.score(tokens_of([30] * n)) for n in (3, 1))
    found = await asyncio.wait_for(asyncio.gather(long, short), 1.0)
    assert all(np.isnan(logits).all() for logits in found)


async def test_a_micro_batch_that_fails_leaves_its_items_without_an_answer_and_the_next_one_works(
    model: Model, merger: Merger, caplog: pytest.LogCaptureFixture
) -> None:
    model.broken = True
    assert np.isnan(await merger.score(tokens_of([8]))).all()
    assert "of a/1 failed" in caplog.text
    model.broken = False
    assert await merger.score(tokens_of([8])) == pytest.approx([28.0])
