"""What experiments learn of the messages that pass: who was exposed to which arm, and copies for the shadows."""

import time
from typing import Protocol

from pipeline.classifier import Watch
from pipeline.router import Route, Router
from pipeline.shadow import Shadows
from pipeline.types import Message, Verdict
from pipeline.verdicts import said

#: Stages whose answer each task cannot do without.
_STAGES = {
    "spam": frozenset(("distilbert", "tokenizer", "lightgbm")),
    "phishing": frozenset(("lightgbm",)),
    "otp": frozenset(("lightgbm",)),
    "intent": frozenset(("lightgbm",)),
}


class Exposed(Protocol):
    def exposed(self, task: str, arm: str, seconds: float, failed: bool) -> None:
        """Count a message that an arm answered, or failed to."""


class Exposures(Watch):
    """
    Args:
        tally: counts.
        router: knows which shadows see a message.
        shadows: see them.
    """

    def __init__(self, tally: Exposed, router: Router, shadows: Shadows) -> None:
        self._tally = tally
        self._router = router
        self._shadows = shadows

    def answered(self, message: Message, route: Route, verdict: Verdict) -> None:
        if route.experiment:
            missing = frozenset(verdict.degraded)
            self._count(message, route, {task: bool(missing & _STAGES[task]) for task in route.experiment})
        if self._router.has_copies and verdict.cache == "miss":
            self._copy(message, route, verdict)

    def failed(self, message: Message, route: Route) -> None:
        if route.experiment:
            self._count(message, route, dict.fromkeys(route.experiment, True))

    def _count(self, message: Message, route: Route, failed: dict[str, bool]) -> None:
        seconds = max(0.0, time.time() - message.received_at)
        for task, (arm, _) in route.arms.items():
            self._tally.exposed(task, arm, seconds, failed[task])

    def _copy(self, message: Message, route: Route, verdict: Verdict) -> None:
        labels = said(verdict)
        for copy in self._router.copies(route, message.sender, message.recipient, message.id):
            if copy.task in labels:
                self._shadows.offer(message, copy, labels[copy.task])
