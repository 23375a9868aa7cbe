"""An experiment under way: what each arm did, and the evidence that its buckets gave."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from pipeline.evidence import Bucket, Count, Evidence, log_bets

Question = Literal["false alarms", "recall", "failures"]

QUORUM = 3  #: tenants from which on none decides alone
REMEMBERED = 8  #: tenants whose part is known apart


class Arm(msgspec.Struct, frozen=True):
    """What one arm did since the experiment began, labelled or not."""

    name: str  #: "distilbert/4"
    requests: Count  #: events: those that failed; rows: messages that the arm was chosen for
    p99_ms: float | None = None  #: latency over the last minutes; None: too few messages to tell
    units: Count = Count()  #: see `pipeline.tally`
    broken: int = 0  #: the last minutes, in a row, in which most of its messages failed, and not the control's


class Span(msgspec.Struct, frozen=True):
    """One closed bucket of every question."""

    false_alarms: Bucket = Bucket()
    misses: Bucket = Bucket()
    failures: Bucket = Bucket()

    def bucket(self, question: Question) -> Bucket:
        return {"false alarms": self.false_alarms, "recall": self.misses, "failures": self.failures}[question]


class Voice(msgspec.Struct, frozen=True):
    """What one tenant's labels brought: the evidence with them, less the evidence without them."""

    false_alarms: Evidence = Evidence()
    misses: Evidence = Evidence()

    def add(self, whole: Span, others: Span) -> "Voice":
        return Voice(
            self.false_alarms + (Evidence().add(whole.false_alarms) - Evidence().add(others.false_alarms)),
            self.misses + (Evidence().add(whole.misses) - Evidence().add(others.misses)),
        )

    @property
    def weight(self) -> float:
        """By how much it moved any of the likelihood ratios, as a logarithm."""
        return max(abs(log) for log in (*self.false_alarms.log_ratios, *self.misses.log_ratios))


class Trial(msgspec.Struct, frozen=True):
    """A treatment against the arm that it would replace. Every event counted is a bad one.

    Verdicts name the arm, so a tenant that wants a version gone, or promoted, can label accordingly. Where three or
    more tenants label, evidence acts only if it is there without any one of them.
    """

    control: Arm
    treatment: Arm
    false_alarms: Evidence = Evidence()  #: rows: messages labelled negative (see `pipeline.judgement`); events: alarms
    misses: Evidence = Evidence()  #: rows: messages labelled positive; events: those that were not recognised
    failures: Evidence = Evidence()  #: rows: units (see `pipeline.tally`); events: those that failed
    task: str = "spam"
    tenants: dict[str, Voice] = {}  #: those whose labels moved the evidence most

    def add(self, span: Span, without: Mapping[str, Span] | None = None) -> "Trial":
        """With one more bucket.

        Args:
            without: each tenant that labelled in it to what the others' labels say.
        """
        heard = {name: self.tenants.get(name, Voice()).add(span, others) for name, others in (without or {}).items()}
        ranked = sorted((self.tenants | heard).items(), key=lambda each: (-each[1].weight, each[0]))
        return msgspec.structs.replace(
            self,
            false_alarms=self.false_alarms.add(span.false_alarms),
            misses=self.misses.add(span.misses),
            failures=self.failures.add(span.failures, log_bets),
            tenants=dict(ranked[:REMEMBERED]),
        )

    def evidence(self, question: Question) -> Evidence:
        return {"false alarms": self.false_alarms, "recall": self.misses, "failures": self.failures}[question]

    @property
    def has_quorum(self) -> bool:
        """Whether so many tenants label that none may decide alone."""
        return len(self.tenants) >= QUORUM

    def views(self, question: Question) -> Iterator[Evidence]:
        """All evidence and, with a quorum, what there is of it without each tenant."""
        whole = self.evidence(question)
        yield whole
        if self.has_quorum and question != "failures":
            for voice in self.tenants.values():
                yield whole - (voice.false_alarms if question == "false alarms" else voice.misses)


def questions(task: str) -> tuple[Question, ...]:
    """What is asked about a treatment. A purpose can only be named rightly or wrongly: there are no false alarms."""
    return ("recall", "failures") if task == "intent" else ("false alarms", "recall", "failures")


def decisive(task: str) -> Question:
    """The question that a ramp must have answered before it gives a treatment all of the traffic."""
    return questions(task)[0]
