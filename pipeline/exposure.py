"""What experiments learn of the messages that pass: who was exposed to which arm, and copies for the shadows."""

import time
from collections.abc import Mapping
from typing import Protocol

from pipeline.classifier import Watch
from pipeline.router import Route, Router
from pipeline.routing import sticky_key
from pipeline.shadow import Shadows
from pipeline.types import Message, Verdict

#: Stages without which a spam score is the gate's alone: no answer of the version that was chosen.
_TRANSFORMER = frozenset(("distilbert", "tokenizer"))


class Exposed(Protocol):
    def exposed(self, task: str, arm: str, unit: str, failed: bool, seconds: float | None) -> None:
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

    def answered(
        self, message: Message, route: Route, verdict: Verdict, said: Mapping[str, str], *, bulk: bool
    ) -> None:
        """Only what was computed for a message that came alone has a time that says something of a version."""
        is_computed = verdict.cache == "miss"
        if route.experiment:
            is_timed = is_computed and not bulk
            seconds = max(0.0, time.time() - message.received_at) if is_timed else None
            self._count(message, route, {task: lacks(task, verdict) for task in route.experiment}, seconds)
        if self._router.has_copies and is_computed:
            self._copy(message, route, said)

    def failed(self, message: Message, route: Route) -> None:
        if route.experiment:
            self._count(message, route, dict.fromkeys(route.experiment, True), None)

    def _count(self, message: Message, route: Route, failed: dict[str, bool], seconds: float | None) -> None:
        for task, (arm, _) in route.arms.items():
            sticky_by = route.sticky_by[task]
            unit = sticky_key(sticky_by, sender=message.sender, recipient=message.recipient, message_id=message.id)
            self._tally.exposed(task, arm, unit, failed[task], seconds)

    def _copy(self, message: Message, route: Route, said: Mapping[str, str]) -> None:
        for copy in self._router.copies(route, message.sender, message.recipient, message.id):
            if copy.task in said:
                self._shadows.offer(message, copy, said[copy.task])


def lacks(task: str, verdict: Verdict) -> bool:
    """Whether the verdict is without an answer of the version that the task's experiment chose."""
    if task == "spam":
        return verdict.spam_score is None or not _TRANSFORMER.isdisjoint(verdict.degraded)
    if task == "phishing":
        return verdict.phishing_score is None
    if task == "otp":
        return verdict.otp_score is None
    return bool(verdict.is_otp) and task not in verdict.models
