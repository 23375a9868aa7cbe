import numpy as np
import pytest

from training.evaluation.outages import NEVER, Traffic, minutes_of, simulate

CLUMPS = Traffic("clumps", 0.3, 200, 300.0, batch=0.05, outage=0.05, away=0.03, bulk=0.05, stuck=0.02)


def share(stops: np.ndarray) -> float:
    return float(np.mean(stops != NEVER))


def test_clumps_stop_an_equal_version_only_where_every_message_is_counted() -> None:
    found = simulate(CLUMPS, 60, minutes=150, seed=1)
    assert share(found.messages) > 0.3
    assert share(found.units) <= 0.05


def test_a_version_that_fails_more_often_is_stopped() -> None:
    found = simulate(Traffic("worse", 0.3, 500, 300.0, worse=0.3), 10, minutes=150, seed=2).units
    assert share(found) == 1.0
    assert found.min() > 6  # no clump of a few minutes does


def test_a_unit_is_a_row_once_a_minute_until_it_fails() -> None:
    found = list(minutes_of(Traffic("stuck", 0.5, 10, 10_000.0, rate=0.0, stuck=1.0), 3, np.random.default_rng(1)))
    rows = [unit.control.rows + unit.treatment.rows for _, unit in found]
    assert rows == [10, 0, 0]
    assert all(by.control.rows + by.treatment.rows == pytest.approx(10_000, rel=0.1) for by, _ in found)
