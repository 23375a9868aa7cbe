"""What a whole run has shown, and whether it is what must be shown. Pure."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from loadtests.bench.load import Timing, timing
from loadtests.lane.segment import Segment, Summary, summary
from loadtests.lane.stand_in import MOODS, Mood

AIM = 1.05  #: the most that p99 of the others may be beside that with a healthy language model


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One server with one setting."""

    name: str
    segments: list[Segment]
    capacity: float  #: messages a second that are no one-time passwords, closed loop
    received: int  #: all that left the house
    leaks: int  #: of that, with what may be of a code
    witnesses: int  #: verdicts that were compared with those of the first segment
    changed: list[str]  #: what differed and must not

    def of(self, mood: Mood) -> list[Segment]:
        return [each for each in self.segments if each.mood == mood]

    def pooled(self, mood: Mood, kind: str) -> Timing:
        """All rounds' "plain" or "otps" together."""
        return timing([took for each in self.of(mood) for took in getattr(each, kind)])

    def broken(self) -> Iterator[str]:
        """What does not hold and is no matter of time, in words."""
        for each in self.segments:
            where = f"{self.name}, round {each.round}, {each.mood}"
            yield from (f"{where}: {words} ({count})" for words, count in each.faults.items())
            if each.calls_open > each.probes:
                yield f"{where}: {each.calls_open} calls in {each.open_s:.1f} s without leave, {each.probes} allowed"
        if self.leaks:
            yield f"{self.name}: {self.leaks} of {self.received} messages left the house with digits of a code"
        yield from (f"{self.name}: a witness changed: {words}" for words in self.changed)
        if not self.received:
            yield f"{self.name}: the language model was never asked"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    rate: float  #: messages a second
    retry_after_s: float
    runs: list[Run]

    def broken(self) -> list[str]:
        """[] when all holds."""
        return [words for run in self.runs for words in run.broken()]


class Ratio(msgspec.Struct, frozen=True):
    """A percentile with a language model in some mood, divided by that with a healthy one."""

    pooled: float  #: of all rounds together
    least: float  #: of any round
    most: float


def ratio(run: Run, mood: Mood, percentile: Callable[[Timing], float], kind: str = "plain") -> Ratio:
    """Each round beside its own healthy segment; the healthy mood itself, beside all of its rounds together: what the
    machine alone does.
    """
    base = percentile(run.pooled("healthy", kind))
    pairs = zip(run.of(mood), run.of("healthy"), strict=True)
    rounds = [
        _at(percentile, one, kind) / (base if mood == "healthy" else _at(percentile, it, kind)) for one, it in pairs
    ]
    return Ratio(percentile(run.pooled(mood, kind)) / base, min(rounds), max(rounds))


def p50(found: Timing) -> float:
    return found.p50


def p99(found: Timing) -> float:
    return found.p99


def usd_per_thousand(segments: Sequence[Segment]) -> float:
    """What the language model cost for each thousand messages of all kinds."""
    return 1000 * sum(each.counts.usd for each in segments) / sum(each.sent for each in segments)


class RunRecord(msgspec.Struct, frozen=True):
    """A `Run` for the record."""

    name: str
    capacity: float
    received: int
    leaks: int
    witnesses: int
    changed: list[str]
    segments: list[Summary]
    pooled: dict[Mood, dict[str, Timing]]
    p99_ratios: dict[Mood, Ratio]
    usd_per_thousand: dict[Mood, float]


class Record(msgspec.Struct, frozen=True):
    """An `Outcome` for the record, without each single time."""

    rate: float
    retry_after_s: float
    runs: list[RunRecord]
    broken: list[str]


def record(outcome: Outcome) -> Record:
    return Record(outcome.rate, outcome.retry_after_s, [_record(run) for run in outcome.runs], outcome.broken())


def _record(run: Run) -> RunRecord:
    return RunRecord(
        name=run.name,
        capacity=run.capacity,
        received=run.received,
        leaks=run.leaks,
        witnesses=run.witnesses,
        changed=run.changed,
        segments=[summary(each) for each in run.segments],
        pooled={mood: {kind: run.pooled(mood, kind) for kind in ("plain", "otps")} for mood in MOODS},
        p99_ratios={mood: ratio(run, mood, p99) for mood in MOODS},
        usd_per_thousand={mood: usd_per_thousand(run.of(mood)) for mood in MOODS},
    )


def _at(percentile: Callable[[Timing], float], segment: Segment, kind: str) -> float:
    return percentile(timing(getattr(segment, kind)))
