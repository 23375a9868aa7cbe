"""What a rollout has shown, and whether it is what must be shown. Pure."""

from collections.abc import Iterator, Mapping

import msgspec

from loadtests.bench.load import Timing
from loadtests.ledger import LIVE_S
from loadtests.rollout.records import Labels
from loadtests.rollout.versions import MUST_NOT_ANSWER


class Phase(msgspec.Struct, frozen=True):
    """From one event to the next."""

    name: str
    timing: Timing  #: of verdicts, from the first try on
    faults: dict[str, int]  #: what was wrong with verdicts
    failed: dict[str, int]  #: requests without an answer, after the second try
    retried: dict[str, int]  #: what the first try ended with
    degraded: dict[str, int]  #: verdicts that lack a stage
    feedback: dict[str, int]  #: what became of labels


class Change(msgspec.Struct, frozen=True):
    """One command of the operator."""

    name: str
    revision: int
    arms: dict[str, float]
    senders: dict[str, int]  #: different ones that each arm was given
    split_fault: str | None
    lag_s: float  #: from the command to the last question that an older revision answered


class Refusal(msgspec.Struct, frozen=True):
    """A version that must not be given traffic."""

    version: str
    when: str
    words: str | None  #: of the refusal; None: it was accepted


class Death(msgspec.Struct, frozen=True):
    """A replica that was killed."""

    deployment: str
    process_s: float  #: until there were as many processes as before
    ready_s: float | None  #: until the new one held all versions; None: this stage holds none


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    phases: list[Phase]
    changes: list[Change]
    refusals: list[Refusal]
    deaths: list[Death]
    labels: Labels
    named: dict[str, int]  #: how often verdicts named each version
    loaded_s: float  #: from naming the candidate until every replica was ready
    callers: int
    rate: float  #: questions a second that were offered

    def total(self, what: str) -> int:
        """Sum over all phases of one of the counts."""
        return sum(sum(getattr(phase, what).values()) for phase in self.phases)

    def broken(self, *, in_time: bool = True) -> list[str]:
        """What does not hold, in words; [] when all does.

        Args:
            in_time: also judge how long changes took.
        """
        return [*self._wrong(), *(self._late() if in_time else ())]

    def _wrong(self) -> Iterator[str]:
        for phase in self.phases:
            for what in ("failed", "faults"):
                yield from (f"{phase.name}: {what}: {words} ({n})" for words, n in getattr(phase, what).items())
        for change in self.changes:
            if change.split_fault:
                yield f"{change.name}: the split {change.senders} {change.split_fault}"
        for refusal in self.refusals:
            if refusal.words is None:
                yield f"{refusal.version}, {refusal.when}: was accepted"
        yield from (f"{version} was named in a verdict" for version in MUST_NOT_ANSWER if self.named.get(version))
        if not self.labels.hold:
            yield f"labels: {_words(msgspec.structs.asdict(self.labels))}"

    def _late(self) -> Iterator[str]:
        for change in self.changes:
            if change.lag_s > LIVE_S:
                yield f"{change.name}: took {change.lag_s:.2f} s to reach every replica"


def _words(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
