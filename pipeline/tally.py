"""What one replica counts of its arms, in memory, until it is added to what the others saw.

Latencies go into a histogram with fixed bounds, so that those of all replicas and minutes can be added up: 15 buckets
a decade from 1 ms to 10 s, each told by its middle, which is at most 8 % away from anything in it.
"""

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from pipeline.judgement import YES
from pipeline.shadow import Comparison

#: Upper ends of all buckets but the last, in seconds.
BOUNDS: tuple[float, ...] = tuple(10 ** (step / 15 - 3) for step in range(61))
MINUTES = 120  #: kept apart of one arm; older ones are merged

Key = tuple[str, str]  #: task and "name/version"
Minute = tuple[str, str, int]  #: task, "name/version", minutes since the epoch

_MINUTE_S = 60.0


class ArmCounts(msgspec.Struct, gc=False):
    """Of the messages that an arm was chosen for."""

    failures: int
    latency: list[int]  #: int[len(BOUNDS) + 1]: messages by time until they were answered, or failed

    @property
    def exposures(self) -> int:
        return sum(self.latency)

    def add(self, other: "ArmCounts") -> None:
        self.failures += other.failures
        self.latency = [a + b for a, b in zip(self.latency, other.latency, strict=True)]


class ShadowCounts(msgspec.Struct, gc=False):
    """Of the copies that a shadow saw."""

    exposures: int = 0
    failures: int = 0
    only_shadow: int = 0  #: the shadow alone said yes
    only_live: int = 0

    def add(self, other: "ShadowCounts") -> None:
        self.exposures += other.exposures
        self.failures += other.failures
        self.only_shadow += other.only_shadow
        self.only_live += other.only_live


class Counts(msgspec.Struct, frozen=True):
    """What was counted since the last time."""

    arms: dict[Minute, ArmCounts]
    shadows: dict[Minute, ShadowCounts]

    def __bool__(self) -> bool:
        return bool(self.arms or self.shadows)


Counted = TypeVar("Counted", ArmCounts, ShadowCounts)


class Tally:
    """
    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ends = 0.0  #: of the minute under way
        self._arms: dict[Key, ArmCounts] = {}  #: of the minute under way
        self._shadows: dict[Key, ShadowCounts] = {}
        self._past = Counts({}, {})

    def exposed(self, task: str, arm: str, seconds: float, failed: bool) -> None:
        """Count a message that an arm was chosen for. On the path of every message: a third of a microsecond."""
        if self._clock() >= self._ends:
            self._turn()
        counts = self._arms.get((task, arm))
        if counts is None:
            counts = self._arms[task, arm] = ArmCounts(0, [0] * (len(BOUNDS) + 1))
        counts.latency[bisect_left(BOUNDS, seconds)] += 1
        if failed:
            counts.failures += 1

    def compared(self, found: Comparison) -> None:
        """Count what became of a shadow's copy."""
        if self._clock() >= self._ends:
            self._turn()
        counts = self._shadows.setdefault((found.task, found.arm), ShadowCounts())
        counts.exposures += 1
        if found.shadow is None:
            counts.failures += 1
        elif found.shadow != found.live:
            yes = YES.get(found.task)  # of intents, which have none, any other purpose counts
            counts.only_shadow += yes in (None, found.shadow)
            counts.only_live += yes in (None, found.live)

    def drain(self) -> Counts:
        """All counts so far; from here on they are the caller's."""
        self._turn()
        drained, self._past = self._past, Counts({}, {})
        return drained

    def restore(self, counts: Counts) -> None:
        """Take back what could not be written. Where that goes on for long, the oldest minutes are merged."""
        _join(self._past.arms, counts.arms)
        _join(self._past.shadows, counts.shadows)

    def _turn(self) -> None:
        """Put the minute under way to the past ones."""
        minute = round(self._ends / _MINUTE_S) - 1
        _join(self._past.arms, {(*key, minute): counts for key, counts in self._arms.items()})
        _join(self._past.shadows, {(*key, minute): counts for key, counts in self._shadows.items()})
        self._arms, self._shadows = {}, {}
        self._ends = (self._clock() // _MINUTE_S + 1) * _MINUTE_S


def quantile_ms(latency: Sequence[int], share: float) -> float | None:
    """The time, in milliseconds, that `share` 0-1 of the messages stayed within; None: there are none.

    Args:
        latency: as `ArmCounts` has it.
    """
    total = sum(latency)
    if not total:
        return None
    seen, bucket = latency[0], 0
    while seen < share * total:
        bucket += 1
        seen += latency[bucket]
    return 1000.0 * _middle(bucket)


def _middle(bucket: int) -> float:
    if bucket == 0:
        return BOUNDS[0]
    return math.sqrt(BOUNDS[bucket - 1] * BOUNDS[bucket]) if bucket < len(BOUNDS) else BOUNDS[-1]


def _join(into: dict[Minute, Counted], more: Mapping[Minute, Counted]) -> None:
    for minute, counts in more.items():
        if minute in into:
            into[minute].add(counts)
        else:
            into[minute] = counts
    if len(into) > MINUTES:
        _merge_oldest(into)


def _merge_oldest(counted: dict[Minute, Counted]) -> None:
    """Of each arm keep the last minutes apart and one more for all that was before."""
    minutes: dict[Key, list[int]] = {}
    for task, arm, minute in sorted(counted):
        minutes.setdefault((task, arm), []).append(minute)
    for (task, arm), known in minutes.items():
        for late in known[1 : 1 - MINUTES]:
            counted[task, arm, known[0]].add(counted.pop((task, arm, late)))
