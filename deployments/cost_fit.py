"""From measured CPU to the cost of a message: the model of `deployments.capacity`, fitted by least squares."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from deployments.costs import INGRESS, Cost, Kind
from deployments.usage import Used

_STEPS = 4  #: from one measured rate to the next
_NOTHING = Used(0.0, 1)

Matrix = NDArray[np.float64]


class Sample(msgspec.Struct, frozen=True):
    """Some seconds of a server under one kind of traffic, or under none."""

    kind: Kind | None
    seconds: float
    messages: int
    used: Mapping[str, Used]  #: by part

    @property
    def ingresses(self) -> int:
        return self.used.get(INGRESS, _NOTHING).replicas


def fit(samples: Sequence[Sample]) -> tuple[float, dict[str, Cost]]:
    """Lone messages a second, and costs by part: the least squares that are nowhere negative.

    A part that a sample does not name used nothing in it.
    """
    names = list(dict.fromkeys(name for sample in samples for name in sample.used))

    def attempt(lone: float) -> tuple[float, dict[str, Cost]]:
        fits = {name: _fit(samples, name, lone) for name in names}
        return sum(error**2 for error, _ in fits.values()), {name: cost for name, (_, cost) in fits.items()}

    tried = [(*attempt(lone), lone) for lone in _candidates(samples)]
    _, costs, lone = min(tried, key=lambda each: each[0])
    return lone, costs


def _candidates(samples: Sequence[Sample]) -> list[float]:
    """Rates of an ingress replica where messages may begin to join: those measured, less the last, and some between."""
    rates = sorted(s.messages / s.seconds / s.ingresses for s in samples if s.kind == "single")[:-1]
    steps = _STEPS * max(0, len(rates) - 1) + 1
    return (
        [float(each) for each in np.interp(np.arange(steps) / _STEPS, np.arange(len(rates)), rates)] if rates else [0.0]
    )


def _fit(samples: Sequence[Sample], part: str, lone: float) -> tuple[float, Cost]:
    """How far off the best costs of a part are, in CPU seconds, and these."""
    used = [sample.used.get(part, _NOTHING) for sample in samples]
    design = np.array([_row(sample, each.replicas, lone) for sample, each in zip(samples, used, strict=True)])
    error, best = non_negative(design, np.array([each.cpu_s for each in used]))
    per_second, per_message, more_if_single, per_lone = map(float, best)
    return error, Cost(per_second, {"single": per_message + more_if_single, "bulk": per_message}, per_lone)


def _row(sample: Sample, replicas: int, lone: float) -> list[float]:
    """What the costs are multiplied with: seconds, messages, single messages, lone messages.

    Whatever a message costs in bulk it costs on its own as well.
    """
    single = sample.messages if sample.kind == "single" else 0
    return [replicas * sample.seconds, sample.messages, single, min(single, sample.ingresses * lone * sample.seconds)]


def non_negative(design: Matrix, target: Matrix) -> tuple[float, Matrix]:
    """The x >= 0 that makes |design @ x - target| least, behind that norm.

    It is the best of those that are a plain fit to some of the columns, of which there are few.
    """
    width = design.shape[1]
    best, least = np.zeros(width), float(np.linalg.norm(target))
    for columns in (list(each) for size in range(1, width + 1) for each in combinations(range(width), size)):
        x = np.zeros(width)
        x[columns] = np.linalg.lstsq(design[:, columns], target, rcond=None)[0]
        error = float(np.linalg.norm(design @ x - target))
        if (x >= 0).all() and error < least:
            best, least = x, error
    return least, best
