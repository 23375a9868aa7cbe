import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.intervals import bootstrap_mcc, wilson
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
