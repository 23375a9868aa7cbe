import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from training.metrics import (
    Confusion,
    confusion,
    expected_calibration_error,
    precision_at,
    recall_at_fpr,
    reliability,
    summary,
    threshold_at_fpr,
)

scores = st.lists(st.floats(-50, 50), min_size=1, max_size=80).map(np.asarray)


def test_figures_of_a_known_confusion() -> None:
    counts = Confusion(true_positive=90, false_positive=5, false_negative=10, true_negative=895)
    assert counts.rows == 1000
    assert counts.accuracy == pytest.approx(0.985)
    assert counts.fpr == pytest.approx(5 / 900)
    assert counts.recall == pytest.approx(0.9)
    assert counts.precision == pytest.approx(90 / 95)
    assert counts.mcc == pytest.approx(0.91514, abs=1e-5)


def test_no_rows_give_zeros_and_no_division() -> None:
    counts = Confusion(0, 0, 0, 0)
    assert (counts.accuracy, counts.fpr, counts.recall, counts.mcc) == (0.0, 0.0, 0.0, 0.0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=50))
def test_confusion_counts_every_row_once(pairs: list[tuple[bool, bool]]) -> None:
    labels, decided = (np.asarray([pair[i] for pair in pairs], dtype=bool) for i in (0, 1))
    counts = confusion(labels, decided)
    assert counts.rows == len(pairs)
    assert counts.true_positive + counts.true_negative == sum(a == b for a, b in pairs)
    assert -1.0 <= counts.mcc <= 1.0


@given(scores, st.floats(0, 1))
def test_the_threshold_keeps_the_rate_and_none_lower_does(negatives: np.ndarray, rate: float) -> None:
    threshold = threshold_at_fpr(negatives, rate)
    assert np.mean(negatives >= threshold) <= rate + 1e-9
    lower = negatives[negatives < threshold]
    if len(lower):
        assert np.mean(negatives >= lower.max()) > rate - 1e-9


@given(scores, st.data())
def test_recall_does_not_change_when_scores_are_stretched(values: np.ndarray, data: st.DataObject) -> None:
    labels = np.asarray(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    assume(labels.any() and not labels.all())
    values = np.round(values, 3)
    assert recall_at_fpr(labels, values, 0.1) == recall_at_fpr(labels, 4 * values + 8, 0.1)


def test_perfect_calibration_has_no_error_and_overconfidence_has() -> None:
    labels = np.asarray([True] * 3 + [False] * 1)
    assert expected_calibration_error(labels, np.full(4, 0.75)) == pytest.approx(0.0)
    assert expected_calibration_error(labels, np.full(4, 1.0)) == pytest.approx(0.25)


def test_summary_leaves_out_what_is_not_defined() -> None:
    figures = summary(np.asarray([False, False]), np.asarray([0.1, 0.9]), 0.5)
    assert figures["fpr"] == 0.5
    assert "recall_at_fpr_0.001" not in figures


def test_f1_of_a_known_confusion() -> None:
    assert Confusion(6, 2, 4, 8).f1 == pytest.approx(12 / 18)
    assert Confusion(0, 0, 0, 9).f1 == 0.0


def test_precision_falls_with_what_is_rare() -> None:
    assert precision_at(0.5, 0.9, 0.1) == pytest.approx(0.9)
    assert precision_at(0.001, 0.9, 0.01) == pytest.approx(0.0009 / (0.0009 + 0.00999))
    assert precision_at(0.1, 0.0, 0.0) == 0.0


def test_bins_of_known_rows() -> None:
    labels = np.asarray([False, True, True, True])
    first, last = reliability(labels, np.asarray([0.02, 0.06, 0.95, 1.0]))
    assert (first.low, first.high, first.rows, first.frequency) == (0.0, 0.1, 2, 0.5)
    assert first.confidence == pytest.approx(0.04)
    assert (last.low, last.rows, last.frequency, last.confidence) == (0.9, 2, 1.0, pytest.approx(0.975))
    assert reliability(labels[:0], np.empty(0)) == []


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=60))
def test_bins_hold_every_row_once(rows: list[tuple[bool, float]]) -> None:
    labels = np.asarray([label for label, _ in rows], dtype=bool)
    bins = reliability(labels, np.asarray([score for _, score in rows], dtype=float))
    assert sum(each.rows for each in bins) == len(rows)
    assert sum(each.rows * each.frequency for each in bins) == pytest.approx(labels.sum())
    assert all(each.low - 1e-9 <= each.confidence <= each.high + 1e-9 for each in bins)
