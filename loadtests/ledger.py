"""What must hold of every verdict while an operator shifts the weights of an experiment. Pure: no clock, no I/O."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

LIVE_S = 2.0  #: how long a change may take to reach every replica
SIGMAS = 3.0
SHARES = ((100.0, 0.0), (90.0, 10.0), (50.0, 50.0), (0.0, 100.0), (100.0, 0.0))


class Step(msgspec.Struct, frozen=True):
    """Weights under a revision."""

    revision: int  #: 0: there is no experiment
    arms: dict[str, float]  #: "name/version" to weight; empty: the experiment has ended


class Ledger:
    """All steps of one shift of the task `spam`, and which arm every sender was given under each of them.

    Args:
        versions: those that may answer: intact, and loaded before they are given weight.
        origin: what was in force before the shift.
    """

    def __init__(self, versions: Collection[str], origin: Step) -> None:
        self._versions = frozenset(versions)
        self._origin = origin
        self._steps = {origin.revision: origin}
        self._ordered: dict[int, float] = {}  #: revision to when it was asked for, monotonic seconds
        self._confirmed = [(-math.inf, origin.revision)]  #: monotonic seconds and revision, ascending
        self._last: dict[int, float] = {}  #: revision to the last question whose verdict named it
        self._arms: dict[tuple[int, str], str] = {}  #: of revision and sender

    def announce(self, step: Step, now: float) -> None:
        """The step is about to be asked for: verdicts may name it from now on."""
        self._steps[step.revision] = step
        self._ordered[step.revision] = now

    def confirm(self, revision: int, now: float) -> None:
        """The server said yes: of what is asked `LIVE_S` after `now` nothing may name an older revision."""
        self._confirmed.append((now, revision))

    def fault(self, verdict: Mapping[str, Any], sender: str, asked_at: float) -> str | None:
        """What is wrong with a verdict, None if nothing is; the verdict is remembered.

        Args:
            verdict: as it came over HTTP.
            sender: of its message; the experiment must be sticky by sender.
            asked_at: when it was asked for, seconds on the clock of `confirm`.
        """
        named = (verdict["experiment"] or {}).get("spam")
        oldest = max(revision for at, revision in self._confirmed if at <= asked_at - LIVE_S)
        if not named:
            return self._unnamed(oldest, asked_at)
        revision, arm = named["revision"], named["arm"]
        if revision not in self._steps:
            return "names a revision that nobody set"
        self._see(revision, asked_at)
        if revision < oldest:
            return f"names an old revision {LIVE_S:g} s after the change"
        scorer = verdict["models"].get("spam", arm)  # none where the gate was sure
        return self._fault_of_arm(revision, arm, scorer) or self._moved(revision, arm, sender)

    def lags(self) -> dict[int, float]:
        """Each revision to the seconds from its order to the last question that an older one answered.

        How many seconds all replicas took to follow; 0 where nothing that was asked later was answered by an older one.
        """
        return {
            revision: max([0.0, *(at - ordered for older, at in self._last.items() if older < revision)])
            for revision, ordered in self._ordered.items()
        }

    def splits(self) -> Iterator[tuple[Step, Counter[str]]]:
        """Each step after the origin, with the number of different senders that each arm was given."""
        for revision, step in sorted(self._steps.items()):
            if revision != self._origin.revision:
                yield step, Counter(arm for (at, _), arm in self._arms.items() if at == revision)

    def _unnamed(self, oldest: int, asked_at: float) -> str | None:
        ended = [revision for revision, step in self._steps.items() if revision >= oldest and not step.arms]
        if not ended:
            return "names no experiment"
        self._see(max(ended), asked_at)
        return None

    def _see(self, revision: int, asked_at: float) -> None:
        self._last[revision] = max(asked_at, self._last.get(revision, asked_at))

    def _fault_of_arm(self, revision: int, arm: str, scorer: str) -> str | None:
        if arm not in self._versions:
            return "names a version that must not answer"
        if not self._steps[revision].arms.get(arm):
            return "names an arm without weight"
        return None if scorer == arm else "was scored by another version than its arm"

    def _moved(self, revision: int, arm: str, sender: str) -> str | None:
        kept = self._arms.setdefault((revision, sender), arm)
        return None if kept == arm else "moved a sender to another arm within a revision"


def plan(first: str, second: str) -> list[dict[str, float]]:
    """The weights of a shift from one version to another and back, in order."""
    return [{first: before, second: after} for before, after in SHARES]


def split_fault(counts: Mapping[str, int], arms: Mapping[str, float]) -> str | None:
    """What is wrong with a split, None if each arm is within `SIGMAS` of its share.

    Senders are counted, not messages: all messages of a sender go the same way, and tell no more than one does.

    Args:
        counts: different senders of each arm.
        arms: weights, with a positive sum.
    """
    total, weights = sum(counts.values()), sum(arms.values())
    if not total:
        return "saw no sender"
    for arm, weight in arms.items():
        share = weight / weights
        variance = total * share * (1.0 - share)
        if 0.0 < variance < SIGMAS**2:  # the bounds would reach beyond 0 or all
            return "saw too few senders to judge"
        if abs(counts.get(arm, 0) - total * share) > SIGMAS * math.sqrt(variance):
            return f"is more than {SIGMAS:g} sigma off"
    return None
