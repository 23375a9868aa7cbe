"""How sure the figures of a test are: 95 % intervals, and tests of whether two runs differ."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.metrics import Bools, Confusion, Scores, recall_at_fpr

_Z = 1.959964  #: 97.5 % quantile of the normal distribution
_RESAMPLES = 2_000

Interval = tuple[float, float]


class Figure(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval; None: not defined for this data."""

    value: float | None
    interval: Interval | None


UNDEFINED = Figure(None, None)


def share(hits: int, rows: int) -> Figure:
    """A share 0-1 with its Wilson interval; not defined without rows."""
    return Figure(hits / rows, wilson(hits, rows)) if rows else UNDEFINED


def wilson(hits: int, rows: int) -> Interval:
    """Of a share 0-1 (Wilson 1927): honest for few rows and for shares near 0 and 1. No rows: it says nothing."""
    if not rows:
        return 0.0, 1.0
    share, square = hits / rows, _Z * _Z
    middle = share + square / (2 * rows)
    half = _Z * math.sqrt(share * (1 - share) / rows + square / (4 * rows * rows))
    scale = 1 + square / rows
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def bootstrap_mcc(counts: Confusion, seed: int = 0) -> Interval:
    """Of the Matthews correlation, by the percentile bootstrap. Drawing rows anew is drawing the four counts anew."""
    cells = [counts.true_positive, counts.false_positive, counts.false_negative, counts.true_negative]
    if not counts.rows:
        return -1.0, 1.0
    draws = np.random.default_rng(seed).multinomial(counts.rows, np.array(cells) / counts.rows, _RESAMPLES)
    found = [Confusion(*(int(count) for count in draw)).mcc for draw in draws]
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def bootstrap_recall_at_fpr(
    labels: Bools, scores: Scores, rate: float, resamples: int = 1_000, seed: int = 0
) -> Figure:
    """Recall where a share `rate` of the negatives is called positive, by the percentile bootstrap.

    Positives and negatives are drawn anew apart, so that a draw moves the threshold as well as what reaches it. Where
    `rate` allows less than one of the negatives, the threshold is the highest of them and the figure a lucky one.
    """
    if labels.all() or not labels.any():
        return UNDEFINED
    found = [recall_at_fpr(labels[rows], scores[rows], rate) for rows in _redrawn(labels, resamples, seed)]
    low, high = np.quantile(found, (0.025, 0.975))
    return Figure(recall_at_fpr(labels, scores, rate), (float(low), float(high)))


def bootstrap_gain(
    labels: Bools, old: Scores, new: Scores, rate: float, resamples: int = 1_000, seed: int = 0
) -> Figure:
    """By how much `new` finds more of the positives than `old` at the same FPR; both see the same rows in each draw."""
    if labels.all() or not labels.any():
        return UNDEFINED

    def gain(rows: NDArray[np.intp]) -> float:
        found, before = (recall_at_fpr(labels[rows], scores[rows], rate) for scores in (new, old))
        return found - before

    low, high = np.quantile([gain(rows) for rows in _redrawn(labels, resamples, seed)], (0.025, 0.975))
    return Figure(gain(np.arange(len(labels))), (float(low), float(high)))


def mcnemar(won: int, lost: int) -> float:
    """Two-sided exact p of McNemar's test: how odd the split of the changed answers is, were neither run the better.

    Args:
        won: answers that were wrong and became right.
        lost: answers that were right and became wrong.
    """
    changed = won + lost
    tail = sum(math.comb(changed, k) for k in range(min(won, lost) + 1))
    return min(1.0, float(2 * tail / 2**changed))


def _redrawn(labels: Bools, resamples: int, seed: int) -> list[NDArray[np.intp]]:
    """Rows of each draw, with replacement, as many positives and negatives as there are."""
    rng = np.random.default_rng(seed)
    sides = [np.flatnonzero(labels), np.flatnonzero(~labels)]
    return [np.concatenate([rng.choice(side, len(side)) for side in sides]) for _ in range(resamples)]
