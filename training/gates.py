"""Whether a retrained version may have traffic: its figures beside those of the version that serves.

Pure: figures in, verdicts out. (The TF-IDF bundle, which `training.gate` trains, has nothing to do with it.)
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from pipeline.errors import ConfigError

Figures = Mapping[str, Mapping[str, float]]  #: set to its figures, as `training.judge` makes them

#: A figure that lies on a bound has reached it, whatever binary fractions make of their difference.
_EPSILON = 1e-9


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure with the two bounds that a candidate must keep.

    Raises:
        ConfigError: `figure` names no set, or a bound is not a number of the right sign.
    """

    name: str  #: for people
    figure: str  #: "set.figure", "uci_test.accuracy"
    better: Literal["higher", "lower"]
    bound: float  #: the least (or, where lower is better, the most) that any candidate may have
    tolerance: float  #: by how much a candidate may be worse than the version that serves

    def __post_init__(self) -> None:
        if not all(self.figure.partition(".")):
            raise ConfigError(f"gate {self.name!r}: figure {self.figure!r} is not of the form set.figure")
        if not math.isfinite(self.bound) or not 0 <= self.tolerance < math.inf:
            raise ConfigError(f"gate {self.name!r}: bound and tolerance must be numbers, the tolerance not negative")

    def of(self, figures: Figures) -> float | None:
        """Its figure among many; None: nobody measured it, or it is not defined."""
        found, _, name = self.figure.partition(".")
        value = figures.get(found, {}).get(name)
        return None if value is None or not math.isfinite(value) else value

    def loss(self, value: float, reference: float) -> float:
        """By how much a value is worse than another; negative where it is better."""
        return reference - value if self.better == "higher" else value - reference


class Verdict(msgspec.Struct, frozen=True):
    """What one gate says of a candidate."""

    gate: str
    passed: bool
    candidate: float | None
    serving: float | None
    words: str


def judge(candidate: Figures, serving: Figures, gates: Sequence[Gate]) -> list[Verdict]:
    """Every gate's verdict, in order.

    A figure that the candidate lacks fails its gate. One that the serving version lacks has nothing to be compared
    with: then the bound alone counts, and the words say so.
    """
    return [_judge(gate, gate.of(candidate), gate.of(serving)) for gate in gates]


def all_passed(verdicts: Sequence[Verdict]) -> bool:
    """Whether traffic may be given; never without a gate."""
    return bool(verdicts) and all(verdict.passed for verdict in verdicts)


def _judge(gate: Gate, candidate: float | None, serving: float | None) -> Verdict:
    if candidate is None:
        return Verdict(gate.name, False, None, serving, f"failed: the candidate has no figure {gate.figure}")
    complaints = [
        text for text in (_against_bound(gate, candidate), _against_serving(gate, candidate, serving)) if text
    ]
    if complaints:
        words = f"failed: {_shown(candidate)} {' and '.join(complaints)}"
    else:
        words = f"passed: {_shown(candidate)}, {_beside(gate, candidate, serving)}"
    return Verdict(gate.name, not complaints, candidate, serving, words)


def _against_bound(gate: Gate, candidate: float) -> str:
    if gate.loss(candidate, gate.bound) <= _EPSILON:
        return ""
    side = "below the least allowed" if gate.better == "higher" else "above the most allowed"
    return f"is {side}, {_shown(gate.bound)}"


def _against_serving(gate: Gate, candidate: float, serving: float | None) -> str:
    if serving is None or gate.loss(candidate, serving) <= gate.tolerance + _EPSILON:
        return ""
    lost = _points(gate.loss(candidate, serving))
    return f"is {lost} worse than what serves ({_shown(serving)}), {_points(gate.tolerance)} may be lost"


def _beside(gate: Gate, candidate: float, serving: float | None) -> str:
    if serving is None:
        return "and the serving version has no such figure: only the bound was asked"
    loss = gate.loss(candidate, serving)
    if abs(loss) <= _EPSILON:
        return "as what serves"
    return f"{_points(abs(loss))} {'worse' if loss > 0 else 'better'} than what serves ({_shown(serving)})"


def _shown(value: float) -> str:
    return f"{100 * value:.4g} %"


def _points(value: float) -> str:
    return f"{100 * value:.3g} points"
