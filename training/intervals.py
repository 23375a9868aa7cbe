"""How sure the figures of a test are: 95 % intervals."""

import math

import numpy as np

from training.metrics import Confusion

_Z = 1.959964  #: 97.5 % quantile of the normal distribution
_RESAMPLES = 2_000

Interval = tuple[float, float]


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
