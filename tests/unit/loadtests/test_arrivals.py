"""Arrivals are Poisson: independent, as many as asked for, the same for the same dice."""

import math
import random
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.arrivals import poisson

N = 20_000


def gaps(rate: float, seed: int = 1) -> list[float]:
    times = [0.0, *islice(poisson(rate, random.Random(seed)), N)]
    return [after - before for before, after in pairwise(times)]


@given(st.floats(0.01, 1e5), st.integers())
def test_time_goes_forward(rate: float, seed: int) -> None:
    times = list(islice(poisson(rate, random.Random(seed)), 50))
    assert times[0] >= 0.0
    assert all(before <= after for before, after in pairwise(times))


@pytest.mark.parametrize("rate", [0.5, 200.0])
def test_gaps_have_mean_and_spread_of_the_exponential_distribution(rate: float) -> None:
    found = gaps(rate)
    mean = sum(found) / N
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in found) / N)
    assert mean * rate == pytest.approx(1.0, abs=4 / math.sqrt(N))
    assert spread * rate == pytest.approx(1.0, abs=4 * math.sqrt(2 / N))
    beyond_the_mean = sum(gap * rate > 1.0 for gap in found) / N
    assert beyond_the_mean == pytest.approx(1 / math.e, abs=4 * math.sqrt(0.25 / N))


def test_a_gap_says_nothing_of_the_next() -> None:
    found = [gap - 1.0 for gap in gaps(1.0)]
    correlation = sum(a * b for a, b in pairwise(found)) / (N - 1)
    assert abs(correlation) < 4 / math.sqrt(N)


def test_equal_dice_give_equal_arrivals() -> None:
    assert gaps(10.0, seed=3) == gaps(10.0, seed=3) != gaps(10.0, seed=4)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_a_rate_that_never_brings_anything_is_refused_at_once(rate: float) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        poisson(rate, random.Random())
