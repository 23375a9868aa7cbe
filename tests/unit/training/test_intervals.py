import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.intervals import (
    UNDEFINED,
    bootstrap_gain,
    bootstrap_mcc,
    bootstrap_recall_at_fpr,
    mcnemar,
    share,
    wilson,
)
from training.metrics import Confusion

COUNT = st.integers(0, 10_000)


@given(COUNT, COUNT)
def test_wilson_holds_the_share_and_stays_within_0_and_1(hits: int, misses: int):
    low, high = wilson(hits, hits + misses)
    share = hits / (hits + misses) if hits + misses else 0.5
    assert 0.0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1.0


def test_wilson_gives_known_values():
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


@given(st.integers(1, 500))
def test_more_rows_are_surer(rows: int):
    def width(factor: int) -> float:
        low, high = wilson(rows * factor, 2 * rows * factor)
        return high - low

    assert width(4) < width(1)


def test_mcc_of_few_rows_is_less_sure_than_of_many():
    few, many = Confusion(20, 2, 3, 75), Confusion(2000, 200, 300, 7500)
    (a, b), (c, d) = bootstrap_mcc(few), bootstrap_mcc(many)
    assert a < c < many.mcc < d < b
    assert bootstrap_mcc(few) == (a, b)


def test_mcc_without_rows_says_nothing():
    assert bootstrap_mcc(Confusion(0, 0, 0, 0)) == (-1.0, 1.0)


def test_a_share_of_nothing_is_not_defined():
    assert share(0, 0) == UNDEFINED
    assert share(1, 4).value == 0.25


def test_mcnemar_gives_the_binomial_tail():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 5) == pytest.approx(2 / 2**5)
    assert mcnemar(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    assert mcnemar(3, 3) == 1.0


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_mcnemar_is_a_probability_and_takes_no_side(won: int, lost: int):
    assert 0.0 <= mcnemar(won, lost) <= 1.0
    assert mcnemar(won, lost) == mcnemar(lost, won)


def test_recall_at_a_rate_lies_within_its_interval():
    rng = np.random.default_rng(3)
    labels = np.arange(600) < 200
    scores = np.where(labels, rng.beta(5, 2, 600), rng.beta(2, 5, 600))
    found = bootstrap_recall_at_fpr(labels, scores, 0.05, resamples=300)
    assert found.value is not None and found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]
    assert found == bootstrap_recall_at_fpr(labels, scores, 0.05, resamples=300)
    assert bootstrap_recall_at_fpr(labels[:200], scores[:200], 0.05) == UNDEFINED


def test_a_gain_is_paired():
    """A score that ranks as the old one does gains exactly nothing, however few the rows are."""
    labels = np.arange(40) < 10
    old = np.random.default_rng(4).random(40)
    assert bootstrap_gain(labels, old, old / 2, 0.1, resamples=50).interval == (0.0, 0.0)
    better = bootstrap_gain(labels, old, labels.astype(float), 0.1, resamples=50)
    assert better.interval is not None and better.interval[0] > 0
