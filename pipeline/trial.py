"""An experiment under way: what each arm did, and the evidence that its buckets gave."""

from typing import Literal

import msgspec

from pipeline.evidence import Bucket, Count, Evidence

Question = Literal["false alarms", "recall", "failures"]


class Arm(msgspec.Struct, frozen=True):
    """What one arm did since the experiment began, labelled or not."""

    name: str  #: "distilbert/4"
    requests: Count  #: events: those that failed; rows: messages that the arm was chosen for
    p99_ms: float | None = None  #: latency over the last minutes; None: too few messages to tell


class Span(msgspec.Struct, frozen=True):
    """One closed bucket of every question."""

    false_alarms: Bucket = Bucket()
    misses: Bucket = Bucket()
    failures: Bucket = Bucket()

    def bucket(self, question: Question) -> Bucket:
        return {"false alarms": self.false_alarms, "recall": self.misses, "failures": self.failures}[question]


class Trial(msgspec.Struct, frozen=True):
    """A treatment against the arm that it would replace. Every event counted is a bad one."""

    control: Arm
    treatment: Arm
    false_alarms: Evidence = Evidence()  #: rows: messages labelled negative (see `pipeline.judgement`); events: alarms
    misses: Evidence = Evidence()  #: rows: messages labelled positive; events: those that were not recognised
    failures: Evidence = Evidence()  #: rows: requests; events: those that failed
    task: str = "spam"
    since: float = 0.0  #: the minute from which on requests are counted, seconds since the epoch

    def add(self, span: Span) -> "Trial":
        return msgspec.structs.replace(
            self,
            false_alarms=self.false_alarms.add(span.false_alarms),
            misses=self.misses.add(span.misses),
            failures=self.failures.add(span.failures),
        )

    def evidence(self, question: Question) -> Evidence:
        return {"false alarms": self.false_alarms, "recall": self.misses, "failures": self.failures}[question]


def questions(task: str) -> tuple[Question, ...]:
    """What is asked about a treatment. A purpose can only be named rightly or wrongly: there are no false alarms."""
    return ("recall", "failures") if task == "intent" else ("false alarms", "recall", "failures")


def decisive(task: str) -> Question:
    """The question that a ramp must have answered before it gives a treatment all of the traffic."""
    return questions(task)[0]
