"""What one replica counts of its arms, in memory, until it is added to what the others saw.

Latencies go into a histogram with fixed bounds, so that those of all replicas and minutes can be added up: 15 buckets
a decade from 1 ms to 10 s, each told by its middle, which is at most 8 % away from anything in it.

What is shown are messages. What is evidence are units, which is what was assigned to an arm: a sender, a recipient or a
message. Each counts once a minute, and no more once it has failed: a sender whose messages always fail, or all of a
bulk, is one failure, on whatever arm it happens to be.
"""

import copy
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
REMEMBERED = 100_000  #: units that failed; with more, all are forgotten

Key = tuple[str, str]  #: task and "name/version"
Minute = tuple[str, str, int]  #: task, "name/version", minutes since the epoch

_MINUTE_S = 60.0


class ArmCounts(msgspec.Struct, gc=False):
    """Of the messages that an arm was chosen for."""

    exposures: int
    failures: int
    units: int  #: that had not failed before, each once a minute
    failed_units: int
    latency: list[int]  #: int[len(BOUNDS) + 1]: messages that have a time, by that

    def add(self, other: "ArmCounts") -> None:
        self.exposures += other.exposures
        self.failures += other.failures
        self.units += other.units
        self.failed_units += other.failed_units
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

    def no_older_than(self, minute: int) -> "Counts":
        """The same, what is older in that minute: rows of minutes before it are not read any more."""
        if all(key[-1] >= minute for key in (*self.arms, *self.shadows)):
            return self
        mine, raised = copy.deepcopy(self), Counts({}, {})
        for (task, arm, known), counts in mine.arms.items():
            _join(raised.arms, {(task, arm, max(known, minute)): counts})
        for (task, arm, known), compared in mine.shadows.items():
            _join(raised.shadows, {(task, arm, max(known, minute)): compared})
        return raised


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
        self._seen: dict[Key, set[int]] = {}  #: units of the minute under way, however often it is drained
        self._failed: set[int] = set()  #: units that failed
        self._past = Counts({}, {})

    def exposed(self, task: str, arm: str, unit: str, failed: bool, seconds: float | None) -> None:
        """Count a message that an arm was chosen for. On the path of every message: less than a microsecond.

        Args:
            unit: see `pipeline.routing.sticky_key`.
            seconds: until it was answered; None: that time says nothing of the arm.
        """
        if self._clock() >= self._ends:
            self._turn()
        key = (task, arm)
        counts = self._arms.get(key)
        if counts is None:
            counts = self._arms[key] = ArmCounts(0, 0, 0, 0, [0] * (len(BOUNDS) + 1))
        counts.exposures += 1
        counts.failures += failed
        if seconds is not None:
            counts.latency[bisect_left(BOUNDS, seconds)] += 1
        self._count_unit(key, counts, hash((task, unit)), failed)

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

    def _count_unit(self, key: Key, counts: ArmCounts, unit: int, failed: bool) -> None:
        if unit in self._failed:
            return
        seen = self._seen.setdefault(key, set())
        if unit not in seen:
            seen.add(unit)
            counts.units += 1
        if failed:
            counts.failed_units += 1
            if len(self._failed) >= REMEMBERED:
                self._failed.clear()
            self._failed.add(unit)

    def _turn(self) -> None:
        """Put what was counted of the minute under way to the past ones."""
        minute = round(self._ends / _MINUTE_S) - 1
        _join(self._past.arms, {(*key, minute): counts for key, counts in self._arms.items()})
        _join(self._past.shadows, {(*key, minute): counts for key, counts in self._shadows.items()})
        self._arms, self._shadows = {}, {}
        now = self._clock()
        if now >= self._ends:
            self._seen = {}
            self._ends = (now // _MINUTE_S + 1) * _MINUTE_S


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
