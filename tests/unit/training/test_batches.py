import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.batches import WIDTHS, epoch, pad, rate_at

rows = st.lists(st.integers(2, 96), min_size=1, max_size=60).map(
    lambda sizes: [np.arange(1, size + 1, dtype=np.int32) for size in sizes]
)


@given(rows, st.integers(16, 500), st.integers(0, 99))
def test_an_epoch_shows_every_row_once_within_the_budget(encoded: list[np.ndarray], tokens: int, seed: int) -> None:
    cuts = list(epoch(encoded, tokens, np.random.default_rng(seed)))
    assert sorted(int(i) for cut in cuts for i in cut) == list(range(len(encoded)))
    for cut in cuts:
        assert len(cut) == 1 or pad(encoded, cut).size <= tokens


@given(rows)
def test_padding_keeps_the_ids_and_adds_zeros(encoded: list[np.ndarray]) -> None:
    batch = pad(encoded, np.arange(len(encoded)))
    assert batch.shape[1] in WIDTHS
    for line, ids in zip(batch, encoded, strict=True):
        assert line[: len(ids)].tolist() == ids.tolist()
        assert not line[len(ids) :].any()


def test_the_rate_rises_then_falls_to_zero() -> None:
    rates = [rate_at(step, 100, 10, 1.0) for step in range(101)]
    assert rates[9] == pytest.approx(1.0)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == 0.0
