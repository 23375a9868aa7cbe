from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.batching import isolate, micro_batches

lengths = st.lists(st.integers(0, 200), max_size=60).map(lambda found: np.asarray(found, dtype=np.int32))


@given(lengths, st.integers(1, 2000))
def test_every_item_with_tokens_is_in_one_batch_within_the_budget(sizes: np.ndarray, budget: int) -> None:
    cuts = micro_batches(sizes, budget)
    assert sorted(int(i) for cut in cuts for i in cut) == np.flatnonzero(sizes > 0).tolist()
    for cut in cuts:
        assert len(cut) == 1 or len(cut) * int(sizes[cut].max()) <= budget


@given(lengths, st.integers(1, 2000))
def test_batches_are_as_full_as_the_budget_allows(sizes: np.ndarray, budget: int) -> None:
    cuts = micro_batches(sizes, budget)
    for cut, following in pairwise(cuts):
        assert (len(cut) + 1) * int(sizes[following[0]]) > budget


@given(st.integers(0, 40), st.sets(st.integers(0, 39)))
def test_only_the_items_that_fail_alone_are_left_out(count: int, bad: set[int]) -> None:
    done = np.zeros(count, dtype=bool)

    def run(items: np.ndarray) -> None:
        if bad.intersection(items.tolist()):
            raise ValueError
        done[items] = True

    isolate(run, np.arange(count))
    assert set(np.flatnonzero(~done).tolist()) == {item for item in bad if item < count}


def test_a_good_batch_runs_once() -> None:
    calls: list[int] = []
    isolate(lambda items: calls.append(len(items)), np.arange(100))
    assert calls == [100]
