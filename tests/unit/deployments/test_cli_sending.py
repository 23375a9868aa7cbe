import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cli.messages import Line
from deployments.cli.sending import batches, in_order
from pipeline.wire import ClassifyRequest


@given(st.lists(st.text()), st.integers(1, 5), st.integers(1, 20))
def test_batches_keep_order_and_bounds(texts: list[str], items: int, chars: int):
    lines = [Line(number, ClassifyRequest(text=text)) for number, text in enumerate(texts, 1)]
    found = list(batches(lines, items, chars))
    assert [line for batch in found for line in batch] == lines
    for batch in found:
        assert 1 <= len(batch) <= items
        assert len(batch) == 1 or sum(len(line.request.text) for line in batch) <= chars


async def test_results_come_in_order_with_no_more_at_once_than_allowed():
    busy, most = 0, 0

    async def work(item: int) -> int:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0 if item % 2 else 0.005)
        busy -= 1
        return item

    found: list[int] = []
    await in_order(work, range(20), 3, found.append)
    assert found == list(range(20))
    assert most == 3


async def test_a_failure_stops_the_rest():
    started: list[int] = []

    async def work(item: int) -> int:
        started.append(item)
        if item == 2:
            raise ValueError
        await asyncio.sleep(0)
        return item

    found: list[int] = []
    with pytest.raises(ValueError):
        await in_order(work, range(100), 3, found.append)
    assert found == [0, 1]
    assert len(started) < 10
    assert len(asyncio.all_tasks()) == 1
