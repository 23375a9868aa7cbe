"""Deciding which messages the transformer need not see, and closing that shortcut when it errs."""

import logging
import random
from collections import defaultdict, deque
from collections.abc import Mapping

import msgspec

from pipeline.scoring import Cascade, Ensemble, logit_of

log = logging.getLogger(__name__)


class SpamModel(msgspec.Struct, frozen=True):
    """One transformer version as the flow needs to know it."""

    ref: str
    ensemble: Ensemble | None
    cascade: Cascade | None
    thresholds: tuple[float, ...]  #: on the final probability, ascending: where a decision can change

    def decision(self, logit: float) -> int:
        """How many thresholds a final spam logit reaches: equal numbers mean equal decisions."""
        return sum(logit >= logit_of(threshold) for threshold in self.thresholds)


class Gate:
    """The cascade of transformer versions, with its audit; more of them may join.

    A share `audit_rate` of the skipped messages is sent through all the same. When more than `tolerance`
    of the last `window` audits would have been decided otherwise, the gate of that version closes until a restart:
    traffic has moved away from what it was calibrated on.
    """

    def __init__(
        self,
        models: Mapping[str, SpamModel],
        *,
        audit_rate: float = 0.01,
        window: int = 1000,
        tolerance: int = 3,
        rng: random.Random | None = None,
    ) -> None:
        self._models = models
        self._audit_rate = audit_rate
        self._tolerance = tolerance
        self._rng = rng or random.Random()
        self._audits: dict[str, deque[bool]] = defaultdict(lambda: deque(maxlen=window))
        self._closed: set[str] = set()

    def skips(self, ref: str, gate: float, rules: float, known: float) -> bool:
        """Whether the gate may decide alone for transformer version `ref`."""
        model = self._models.get(ref)
        if model is None or model.cascade is None or ref in self._closed:
            return False
        return model.cascade.skips(gate, rules, known)

    def audits(self) -> bool:
        """Whether this skipped message is sent through all the same."""
        return self._rng.random() < self._audit_rate

    def record(self, ref: str, gate: float, transformer: float, rules: float) -> bool | None:
        """Compare an audited message's decisions, gate alone against ensemble.

        Returns:
            Whether they disagree; None when the transformer gave no answer or has no ensemble.
        """
        model = self._models[ref]
        if transformer != transformer or model.ensemble is None or model.cascade is None:
            return None
        expected = 0 if gate < model.cascade.low else len(model.thresholds)
        disagreed = model.decision(model.ensemble.logit(transformer, gate) + rules) != expected
        audits = self._audits[ref]
        audits.append(disagreed)
        if sum(audits) > self._tolerance and ref not in self._closed:
            self._closed.add(ref)
            log.warning(
                "the cascade of %s is closed: %d of its last %d audits disagreed", ref, sum(audits), len(audits)
            )
        return disagreed

    @property
    def closed(self) -> frozenset[str]:
        """Versions whose gate the audit has closed."""
        return frozenset(self._closed)
