"""Figures of merit of a binary classifier, in NumPy alone. Labels are bool[N], scores float[N]."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Scores = NDArray[np.floating]


class Confusion(msgspec.Struct, frozen=True):
    """Counts of a decision."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def rows(self) -> int:
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative

    @property
    def accuracy(self) -> float:
        return _ratio(self.true_positive + self.true_negative, self.rows)

    @property
    def fpr(self) -> float:
        """Share 0-1 of the negatives that were called positive."""
        return _ratio(self.false_positive, self.false_positive + self.true_negative)

    @property
    def recall(self) -> float:
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def precision(self) -> float:
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative)

    @property
    def mcc(self) -> float:
        """Matthews correlation coefficient; 0 where it is not defined."""
        tp, fp, fn, tn = self.true_positive, self.false_positive, self.false_negative, self.true_negative
        scale = math.sqrt(float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        return (tp * tn - fp * fn) / scale if scale else 0.0


class Bin(msgspec.Struct, frozen=True):
    """Rows whose probability lies between two edges: what was said of them, and what came true."""

    low: float
    high: float
    rows: int
    confidence: float  #: mean probability
    frequency: float  #: share 0-1 of positives


def confusion(labels: Bools, decided: Bools) -> Confusion:
    return Confusion(
        true_positive=int(np.sum(labels & decided)),
        false_positive=int(np.sum(~labels & decided)),
        false_negative=int(np.sum(labels & ~decided)),
        true_negative=int(np.sum(~labels & ~decided)),
    )


def threshold_at_fpr(negatives: Scores, rate: float, weights: Scores | None = None) -> float:
    """Smallest score from which at most a share `rate` of the negatives is called positive (score >= threshold).

    Args:
        negatives: scores.
        rate: share 0-1.
        weights: of the negatives, 1 each unless given.
    """
    if not len(negatives):
        return math.nan
    negatives = np.asarray(negatives, dtype=np.float64)  # the next float above one of 32 bits is no float of 32 bits
    order = np.argsort(-negatives, kind="stable")
    called = np.cumsum(np.ones(len(order)) if weights is None else weights[order])
    first = int(np.searchsorted(called, rate * called[-1] + 1e-9, side="right"))
    if first == len(order):
        return float(negatives[order[-1]])
    return float(np.nextafter(np.float64(negatives[order[first]]), np.inf))


def recall_at_fpr(labels: Bools, scores: Scores, rate: float) -> float:
    """Share of the positives found where at most a share `rate` of the negatives is called positive."""
    if labels.all() or not labels.any():
        return math.nan
    exact = np.asarray(scores, dtype=np.float64)
    return float(np.mean(exact[labels] >= threshold_at_fpr(exact[~labels], rate)))


def expected_calibration_error(labels: Bools, probabilities: Scores, bins: int = 15) -> float:
    """Mean distance between confidence and frequency over bins of equal width, weighted by their rows."""
    if not len(labels):
        return math.nan
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    rows = np.bincount(which, minlength=bins)
    confident = np.bincount(which, weights=probabilities, minlength=bins)
    positive = np.bincount(which, weights=labels.astype(float), minlength=bins)
    return float(np.sum(np.abs(confident - positive)) / rows.sum())


def reliability(labels: Bools, probabilities: Scores, bins: int = 10) -> list[Bin]:
    """Bins of equal width, empty ones left out."""
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    return [
        Bin(
            low=i / bins,
            high=(i + 1) / bins,
            rows=int(np.sum(which == i)),
            confidence=float(np.mean(probabilities[which == i])),
            frequency=float(np.mean(labels[which == i])),
        )
        for i in np.unique(which).tolist()
    ]


def precision_at(prevalence: float, recall: float, fpr: float) -> float:
    """Share 0-1 of the alarms that are right where a share `prevalence` of the traffic is positive.

    A test set holds far more fraud than traffic does, so its own precision flatters.
    """
    right, wrong = prevalence * recall, (1 - prevalence) * fpr
    return _ratio(right, right + wrong)


def summary(labels: Bools, probabilities: Scores, threshold: float) -> dict[str, float]:
    """The figures of one evaluation, as a manifest keeps them."""
    counts = confusion(labels, probabilities >= threshold)
    figures = {
        "rows": float(counts.rows),
        "positives": float(np.sum(labels)),
        "accuracy": counts.accuracy,
        "fpr": counts.fpr,
        "recall": counts.recall,
        "mcc": counts.mcc,
        "recall_at_fpr_0.001": recall_at_fpr(labels, probabilities, 0.001),
        "recall_at_fpr_0.005": recall_at_fpr(labels, probabilities, 0.005),
        "ece": expected_calibration_error(labels, probabilities),
    }
    return {name: round(value, 5) for name, value in figures.items() if not math.isnan(value)}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
