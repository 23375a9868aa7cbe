"""Batches of tokens, apart and together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tokens import by_version, merge, select
from pipeline.types import TokenBatch


def batch(items: list[list[int]]) -> TokenBatch:
    return TokenBatch(
        ids=np.array([i for item in items for i in item], dtype=np.int32),
        lengths=np.array([len(item) for item in items], dtype=np.int32),
    )


def unpack(tokens: TokenBatch) -> list[list[int]]:
    return (
        [part.tolist() for part in np.split(tokens.ids, np.cumsum(tokens.lengths)[:-1])] if len(tokens.lengths) else []
    )


ITEMS = st.lists(st.lists(st.integers(0, 8000), max_size=6), min_size=1, max_size=12)


@given(ITEMS, st.data())
def test_select_takes_items_in_the_order_asked(items, data):
    order = data.draw(st.permutations(range(len(items)))) if items else []
    chosen = np.array(order[: data.draw(st.integers(1, len(items)))], dtype=np.intp)
    assert unpack(select(batch(items), chosen)) == [items[i] for i in chosen]


@given(ITEMS, st.data())
def test_merge_undoes_by_version(items, data):
    versions = [data.draw(st.sampled_from(["a/1", "b/1", "c/2"])) for _ in items]
    groups = by_version(versions)
    whole = batch(items)
    assert unpack(merge({ref: select(whole, found) for ref, found in groups.items()}, groups)) == items
    assert sorted(i for found in groups.values() for i in found) == list(range(len(items)))
