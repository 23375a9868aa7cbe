"""Confidence sequences: intervals of rates that hold at all times at once, not only at a size fixed beforehand.

The likelihood of the labels under a mixture of all rates (Jeffreys' prior), over that under the true rate, is a
martingale that starts at 1. By Ville's inequality it stays below 1 / alpha for ever with a probability of at least
1 - alpha: the rates for which it does so now are the interval (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon
2021). It rests on counts alone, whatever order the labels came in. Unlike `pipeline.evidence` it takes an arm's rate
for constant: where rates drift while traffic is shifted, the e-value is to be trusted, not the difference shown here.
"""

import math
from collections.abc import Callable
from functools import lru_cache

from pipeline.evidence import Count

Interval = tuple[float, float]

_ROUNDS = 45  #: halvings
_TINY = 1e-300


def rate(count: Count, alpha: float = 0.05) -> Interval:
    """Of an arm's rate 0-1. No rows: it says nothing."""
    least = _log_mixture(count) + math.log(alpha)
    best = count.rate if count.rate is not None else 0.5

    def holds(p: float) -> bool:
        return _log_likelihood(count, p) > least

    return _edge(holds, best, 0.0), _edge(holds, best, 1.0)


@lru_cache(maxsize=64)  # milliseconds, and a ramp asks every second, mostly about the same labels
def difference(control: Count, treatment: Count, alpha: float = 0.05) -> Interval:
    """Of the treatment's rate less the control's, -1 to 1.

    The differences of all pairs of rates that both arms' labels together allow: narrower than the difference of two
    intervals, and not a test, for which `pipeline.evidence` is the more powerful.
    """
    least = _log_mixture(control) + _log_mixture(treatment) + math.log(alpha)

    def holds(gap: float) -> bool:
        return _best_with(control, treatment, gap) > least

    best = (treatment.rate or 0.0) - (control.rate or 0.0)
    return _edge(holds, best, -1.0), _edge(holds, best, 1.0)


def _log_likelihood(count: Count, p: float) -> float:
    return _times_log(count.events, p) + _times_log(count.rows - count.events, 1 - p)


def _times_log(times: int, p: float) -> float:
    if not times:
        return 0.0
    return times * math.log(p) if p > 0 else -math.inf


def _log_mixture(count: Count) -> float:
    """Of the labels in their order, over rates drawn from Beta(1/2, 1/2)."""
    events, others = count.events + 0.5, count.rows - count.events + 0.5
    return math.lgamma(events) + math.lgamma(others) - math.lgamma(count.rows + 1) - math.log(math.pi)


def _best_with(control: Count, treatment: Count, gap: float) -> float:
    """Largest log-likelihood of two rates that lie `gap` apart: it has one peak, where its slope is 0."""
    low, high = max(0.0, -gap), min(1.0, 1.0 - gap)
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        rising = _slope(control, middle) + _slope(treatment, middle + gap) > 0
        low, high = (middle, high) if rising else (low, middle)
    peak = (low + high) / 2
    return _log_likelihood(control, peak) + _log_likelihood(treatment, min(1.0, max(0.0, peak + gap)))


def _slope(count: Count, p: float) -> float:
    """Of the log-likelihood, at `p`."""
    return count.events / max(p, _TINY) - (count.rows - count.events) / max(1.0 - p, _TINY)


def _edge(holds: Callable[[float], bool], inside: float, end: float) -> float:
    """Where `holds` ends between `inside`, where it does hold, and `end`; the outer side of the last halving."""
    if holds(end):
        return end
    for _ in range(_ROUNDS):
        middle = (inside + end) / 2
        inside, end = (middle, end) if holds(middle) else (inside, middle)
    return end
