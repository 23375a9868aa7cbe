import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.confidence import difference, rate
from pipeline.evidence import Count

counts = st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)).map(lambda pair: Count(min(pair), max(pair)))


@given(counts, st.floats(0.001, 0.5))
def test_a_rate_lies_within_its_interval(count: Count, alpha: float) -> None:
    low, high = rate(count, alpha)
    best = 0.5 if count.rate is None else count.rate
    assert 0.0 <= low <= best <= high <= 1.0


@given(counts, counts)
def test_a_difference_lies_within_its_interval_and_exchanging_arms_turns_it(a: Count, b: Count) -> None:
    low, high = difference(a, b)
    assert -1.0 <= low <= (b.rate or 0.0) - (a.rate or 0.0) <= high <= 1.0
    assert difference(b, a) == pytest.approx((-high, -low), abs=1e-6)


@given(st.integers(1, 200), st.integers(1, 200))
def test_more_rows_are_surer(events: int, others: int) -> None:
    few, many = (rate(Count(events * times, (events + others) * times)) for times in (1, 10))
    assert few[0] < many[0] < many[1] < few[1]


@given(counts)
def test_being_surer_costs_width(count: Count) -> None:
    (low, high), (lower, higher) = rate(count, 0.1), rate(count, 0.01)
    assert lower <= low <= high <= higher


def test_nothing_says_nothing() -> None:
    assert rate(Count()) == (0.0, 1.0)
    assert difference(Count(), Count()) == (-1.0, 1.0)
    assert difference(Count(10, 1_000), Count())[1] > 0.95


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_the_difference_holds_every_pair_that_both_arms_allow_and_no_other(alpha: float) -> None:
    """Against a grid of pairs of rates, each held to the martingale itself."""
    control, treatment = Count(3, 40), Count(11, 50)
    grid = np.linspace(0.0005, 0.9995, 1_000)
    p, q = np.meshgrid(grid, grid)
    logs = sum(
        count.events * np.log(each) + (count.rows - count.events) * np.log(1 - each)
        for count, each in ((control, p), (treatment, q))
    )
    priors = sum(
        np.log(np.mean(weights**count.events * (1 - weights) ** (count.rows - count.events)))
        for weights in [np.sin(np.linspace(0, np.pi / 2, 200_001)[1:-1]) ** 2]  # quantiles of Beta(1/2, 1/2)
        for count in (control, treatment)
    )
    allowed = (q - p)[priors - logs < np.log(1 / alpha)]
    assert difference(control, treatment, alpha) == pytest.approx((allowed.min(), allowed.max()), abs=0.003)


def test_intervals_hold_at_all_times_at_once() -> None:
    """400 arms of a rate of 4 %, looked at 40 times each: those that are ever wrong."""
    seen = np.cumsum(np.random.default_rng(5).binomial(25, 0.04, (400, 40)), axis=1)
    wrong = 0
    for path in seen:
        found = (rate(Count(int(events), 25 * (i + 1))) for i, events in enumerate(path))
        wrong += any(not low <= 0.04 <= high for low, high in found)
    assert wrong <= 20
