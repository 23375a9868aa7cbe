"""An experiment under way: what each arm did, and the evidence that its buckets gave."""

import msgspec

from pipeline.evidence import Bucket, Count, Evidence


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


class Trial(msgspec.Struct, frozen=True):
    """A treatment against the arm that it would replace. Every event counted is a bad one."""

    control: Arm
    treatment: Arm
    false_alarms: Evidence = Evidence()  #: rows: messages labelled legitimate; events: those flagged or blocked
    misses: Evidence = Evidence()  #: rows: messages labelled spam; events: those delivered
    failures: Evidence = Evidence()  #: rows: requests; events: those that failed

    def add(self, span: Span) -> "Trial":
        return msgspec.structs.replace(
            self,
            false_alarms=self.false_alarms.add(span.false_alarms),
            misses=self.misses.add(span.misses),
            failures=self.failures.add(span.failures),
        )
