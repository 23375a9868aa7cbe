"""From raw scores to decisions, learned on validation rows: Platt scaling, thresholds, ensemble and cascade."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring import Cascade, Ensemble, Platt, logit_of
from training.metrics import Bools, Scores, threshold_at_fpr

#: Target false-positive rates of legitimate traffic: strict, moderate and lenient policy. And the probability
#: that a message must reach in any case, however easy the validation traffic was.
TARGETS: dict[str, float] = {"0.005": 0.5, "0.001": 0.6, "0.0002": 0.8}


def sigmoid(logits: Scores) -> Scores:
    """Probabilities of logits, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, dtype=np.float64))))


def softmax(logits: Scores) -> Scores:
    """Probabilities float[N, K] of logits float[N, K]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_loss(labels: Bools, logits: Scores, weights: Scores | None = None) -> float:
    """Mean negative log-likelihood."""
    return float(np.average(np.logaddexp(0.0, np.where(labels, -logits, logits)), weights=weights))


def multiclass_log_loss(labels: NDArray[np.int8], logits: Scores) -> float:
    """Mean negative log-likelihood of the softmax of float[N, K]."""
    top = logits.max(axis=1, keepdims=True)
    norms = top[:, 0] + np.log(np.sum(np.exp(logits - top), axis=1))
    return float(np.mean(norms - logits[np.arange(len(labels)), labels]))


def fit_platt(labels: Bools, raw: Scores, weights: Scores | None = None, steps: int = 100) -> Platt:
    """Maximum-likelihood `a` (kept positive) and `b` by damped Newton steps, targets smoothed as Platt (1999) does.

    Args:
        labels: bool[N].
        raw: float[N] logits.
        weights: float[N] of the rows, 1 each unless given.
        steps: Newton steps at most.
    """
    mass = np.ones(len(raw)) if weights is None else np.asarray(weights, dtype=np.float64)
    positives, negatives = float(np.sum(mass[labels])), float(np.sum(mass[~labels]))
    if not positives or not negatives:
        return Platt()
    targets = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([np.asarray(raw, dtype=np.float64), np.ones(len(raw))], axis=1)
    found = np.array([1.0, 0.0])
    for _ in range(steps):
        fitted = sigmoid(design @ found)
        gradient = design.T @ (mass * (fitted - targets))
        curvature = (design * (mass * fitted * (1 - fitted))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        found = _descend(design, targets, mass, found, step)
        if np.max(np.abs(step)) < 1e-9:
            break
    return Platt(a=max(1e-3, float(found[0])), b=float(found[1]))


def fit_temperature(labels: NDArray[np.int8], logits: Scores) -> Platt:
    """The scale `a` of least log loss of float[N, K] logits, on a grid from a half to double."""
    scales = np.geomspace(0.5, 2.0, 29)
    losses = [multiclass_log_loss(labels, scale * logits) for scale in scales]
    return Platt(a=round(float(scales[int(np.argmin(losses))]), 4))


def thresholds(
    negatives: Scores, weights: Scores | None = None, targets: dict[str, float] | None = None
) -> dict[str, float]:
    """Threshold on the probability for each target false-positive rate, rates descending, thresholds not.

    Args:
        negatives: calibrated probabilities of legitimate validation messages.
        weights: of each message, see `traffic_weights`; 1 each unless given.
        targets: rate to the probability that is asked for in any case.
    """
    found: dict[str, float] = {}
    least = 0.0
    for rate, floor in sorted((targets or TARGETS).items(), key=lambda item: -float(item[0])):
        least = max(least, floor, threshold_at_fpr(negatives, float(rate), weights))
        found[rate] = min(least, 1.0 - 1e-7)
    return found


def traffic_weights(groups: Sequence[str], shares: Mapping[str, float]) -> Scores:
    """float64[N] weights that make validation rows look like traffic.

    Args:
        groups: template of each message: all messages of one template are one sample, however many were made of it.
        shares: prefix of a group to the share 0-1 of a sample that it counts, the longest prefix first; else 1.
    """
    sizes = Counter(groups)

    def share(group: str) -> float:
        return next((part for prefix, part in shares.items() if group.startswith(prefix)), 1.0)

    return np.asarray([share(group) / sizes[group] for group in groups])


def fit_ensemble(
    labels: Bools, transformer: Scores, gate: Scores, partner: str, weights: Scores | None = None
) -> Ensemble:
    """The weight of least log loss after its own Platt scaling, on a grid of twentieths; both have a say."""
    best: tuple[float, Ensemble] | None = None
    for weight in np.linspace(0.2, 0.8, 13):
        mean = weight * transformer + (1 - weight) * gate
        platt = fit_platt(labels, mean, weights)
        loss = log_loss(labels, platt.a * mean + platt.b, weights)
        if best is None or loss < best[0]:
            best = (loss, Ensemble(weight=round(float(weight), 4), a=platt.a, b=platt.b, partner=partner))
    assert best is not None
    return best[1]


def decisions(logits: Scores, cuts: Sequence[float]) -> NDArray[np.intp]:
    """How many thresholds on the probability each logit reaches."""
    return np.asarray(np.sum(np.asarray(logits)[:, None] >= np.asarray([logit_of(cut) for cut in cuts]), axis=1))


def fit_cascade(
    gate: Scores,
    final: Scores,
    known: Scores,
    *,
    gate_cuts: Sequence[float],
    final_cuts: Sequence[float],
    min_known: float,
    margin: float,
) -> Cascade:
    """The widest region in which the gate decided every validation row as the ensemble did, less a safety margin.

    Args:
        gate: calibrated logits of the gate.
        final: logits of the ensemble.
        known: share of known words; rows below `min_known` are never skipped and so do not count.
        gate_cuts: all thresholds on the gate's own probability.
        final_cuts: all thresholds on the ensemble's probability.
        min_known: see `Cascade`.
        margin: logits that are taken off on both sides.
    """
    counted = known >= min_known
    reached = decisions(final, final_cuts)
    not_ham, not_spam = counted & (reached > 0), counted & (reached < len(final_cuts))
    low = min([logit_of(min(gate_cuts)), *gate[not_ham]])
    high = max([logit_of(max(gate_cuts)), *gate[not_spam]])
    return Cascade(low=float(low) - margin, high=float(high) + margin, min_known=min_known)


def skipped(cascade: Cascade, gate: Scores, known: Scores) -> Bools:
    """Which rows the gate decides alone."""
    return ((gate < cascade.low) | (gate > cascade.high)) & (known >= cascade.min_known)


def _descend(design: Scores, targets: Scores, mass: Scores, found: Scores, step: Scores) -> Scores:
    """Halve the Newton step until the loss does not grow."""

    def loss(at: Scores) -> float:
        logits = design @ at
        return float(np.sum(mass * (np.logaddexp(0.0, logits) - targets * logits)))

    before = loss(found)
    for halving in range(30):
        tried = found - step * 0.5**halving
        if loss(tried) <= before:
            return np.asarray(tried)
    return found
