"""The course of a trial: what is kept of it between buckets, when these close, and what the steward does next."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from pipeline.evidence import Bucket, Count
from pipeline.guardrails import Decision, Limits, Progress, decide, guardrail_hit
from pipeline.judgement import Label, span
from pipeline.ramps import Ramp
from pipeline.routing import Experiment
from pipeline.trial import REMEMBERED, Arm, Span, Trial, decisive

Seconds = Annotated[float, msgspec.Meta(gt=0.0)]

_MINUTE_S = 60.0
_HOUR_S = 3600.0
_OPEN_S = 2 * _HOUR_S  #: minutes may still grow; see `pipeline.clients.tally_log`
_SLACK = 1e-9  #: of a bucket, for rounding


class EvidenceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How experiments are watched."""

    label_bucket_s: Seconds = 3600.0  #: labels count once their bucket is closed
    failure_bucket_s: Seconds = 60.0
    #: Of one tenant in one bucket so many labels count, and where three or more tenants label, at most half as many as
    #: of all others together.
    tenant_labels: Annotated[int, msgspec.Meta(ge=1)] = 1_000
    tick_s: Seconds = 1.0


class Seen(msgspec.Struct, frozen=True):
    """What was counted of one arm; events: those that failed."""

    requests: Count = Count()  #: messages
    units: Count = Count()  #: see `pipeline.tally`

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(self.requests + other.requests, self.units + other.units)


class Course(msgspec.Struct, frozen=True):
    """A trial with where its ramp stands and the ends of its last buckets, seconds since the epoch."""

    trial: Trial
    began: int  #: revision of the experiment
    progress: Progress
    labels_until: float
    failures_until: float
    settled_until: float  #: what was counted in minutes before is `settled`, and not read again
    settled: dict[str, Seen] = {}  #: by arm


class Order(msgspec.Struct, frozen=True):
    """What is to be done with the weights."""

    act: Literal["advance", "promote", "stop"]
    reason: str


def opened(
    experiment: Experiment, treatment: str, now: float, seen: Mapping[str, Seen], settings: EvidenceSettings
) -> Course:
    """The course of an arm that joined.

    Args:
        seen: of both arms since `first_minute(now)`; that is shown, and is no evidence.
    """
    control, treated = (arm(name, seen.get(name, Seen())) for name in (experiment.control, treatment))
    return Course(
        trial=Trial(control, treated, task=experiment.task),
        began=experiment.began[treatment],
        progress=_progress(_ramp(experiment, treatment), experiment.revision),
        labels_until=last_end(now, settings.label_bucket_s),
        failures_until=last_end(now, settings.failure_bucket_s),
        settled_until=first_minute(now),
    )


def arm(name: str, seen: Seen, p99_ms: float | None = None, broken: int = 0) -> Arm:
    return Arm(name, seen.requests, p99_ms, seen.units, broken)


def first_minute(now: float) -> float:
    """When the minute under way began: requests are kept by the minute."""
    return now // _MINUTE_S * _MINUTE_S


def last_end(now: float, bucket_s: float) -> float:
    """When the last bucket closed; they end at whole multiples, whoever looks at the clock."""
    return math.floor(now / bucket_s + _SLACK) * bucket_s


def next_end(until: float, bucket_s: float) -> float:
    """When the bucket after one that closed at `until` does."""
    return last_end(until, bucket_s) + bucket_s


def with_labels(course: Course, labels: Sequence[Label], until: float) -> tuple[Course, Span]:
    """After the bucket of labels that arrived until then. Those of messages before the ramp's step are no progress."""
    task, treatment = course.trial.task, course.trial.treatment.name
    closed = span(task, labels, treatment)
    without = {
        tenant: span(task, [each for each in labels if each.tenant != tenant], treatment)
        for tenant in sorted({each.tenant for each in labels})
    }
    trial = course.trial.add(closed, without)
    fresh = [each for each in labels if each.revision >= course.progress.revision]
    progress = _with_labels(course.progress, task, treatment, fresh)
    return msgspec.structs.replace(course, trial=trial, progress=progress, labels_until=until), closed


def with_requests(course: Course, control: Arm, treatment: Arm, until: float) -> tuple[Course, Span]:
    """After the bucket of requests that were added up until then.

    Args:
        control, treatment: what both did since the trial began. What is more than last time is the bucket: replicas
            that could not write for a while are late, and miss nothing. The first bucket of a ramp's step may count
            some requests of the step before.
    """
    old = course.trial
    units = (_growth(old.control.units, control.units), _growth(old.treatment.units, treatment.units))
    closed = Span(failures=Bucket(*units))
    trial = msgspec.structs.replace(old.add(closed), control=control, treatment=treatment)
    answered = _growth(old.treatment.requests, treatment.requests).rows
    progress = msgspec.structs.replace(course.progress, exposures=course.progress.exposures + answered)
    return msgspec.structs.replace(course, trial=trial, progress=progress, failures_until=until), closed


def settles_at(course: Course, until: float) -> float | None:
    """Up to where minutes are to be settled now; None: it is too early."""
    end = first_minute(until - _OPEN_S)
    return end if end >= course.settled_until + _HOUR_S else None


def with_settled(course: Course, seen: Mapping[str, Seen], until: float) -> Course:
    """With what was counted from `settled_until` to there among what is settled."""
    total = {name: course.settled.get(name, Seen()) + seen[name] for name in seen}
    return msgspec.structs.replace(course, settled=course.settled | total, settled_until=until)


def total(course: Course, seen: Mapping[str, Seen]) -> dict[str, Seen]:
    """Of both arms since the trial began.

    Args:
        seen: since `settled_until`.
    """
    names = (course.trial.control.name, course.trial.treatment.name)
    return {name: course.settled.get(name, Seen()) + seen.get(name, Seen()) for name in names}


def at_step(course: Course, experiment: Experiment) -> Course:
    """With progress that begins anew when the ramp took a step, or was started or ended; else the same object."""
    ramp, known = _ramp(experiment, course.trial.treatment.name), course.progress
    if (known.step, known.since) == ((ramp.step, ramp.since) if ramp else (0, 0.0)):
        return course
    return msgspec.structs.replace(course, progress=_progress(ramp, experiment.revision))


def decision(experiment: Experiment, course: Course, now: float) -> Decision | None:
    """How the ramp of this treatment goes on; None: it has none."""
    ramp = _ramp(experiment, course.trial.treatment.name)
    if ramp is None:
        return None
    return decide(course.trial, course.progress, now=now, limits=ramp.limits, ramp=ramp.steps)


def order(experiment: Experiment, course: Course, now: float) -> Order | None:
    """What to do now; None: nothing.

    Guardrails watch treatments without a ramp as well. One that was stopped is left alone; given weight by hand, it is
    stopped again by the same evidence, until its trial begins anew with a ramp of its own.

    Args:
        now: seconds since the epoch.
    """
    if decided := decision(experiment, course, now):
        return None if decided.move == "continue" else Order(decided.move, decided.reason)
    if not experiment.arms.get(course.trial.treatment.name):
        return None
    hit = guardrail_hit(course.trial, Limits())
    return Order("stop", hit) if hit else None


def _with_labels(progress: Progress, task: str, treatment: str, labels: Sequence[Label]) -> Progress:
    """The more labels a tenant gave, the more they narrow what is possible: the others need not be told apart."""
    question = decisive(task)
    parts = dict(progress.tenants)
    for tenant in sorted({each.tenant for each in labels}):
        own = span(task, [each for each in labels if each.tenant == tenant], treatment).bucket(question)
        parts[tenant] = parts.get(tenant, Bucket()) + own
    ranked = sorted(parts.items(), key=lambda each: (-(each[1].control.rows + each[1].treatment.rows), each[0]))
    labelled = progress.labelled + span(task, labels, treatment).bucket(question)
    return msgspec.structs.replace(progress, labelled=labelled, tenants=dict(ranked[:REMEMBERED]))


def _ramp(experiment: Experiment, treatment: str) -> Ramp | None:
    ramp = experiment.ramp
    return ramp if ramp and ramp.version == treatment else None


def _progress(ramp: Ramp | None, revision: int) -> Progress:
    return Progress(ramp.step, ramp.since, revision=revision) if ramp else Progress(0, 0.0, revision=revision)


def _growth(old: Count, new: Count) -> Count:
    """What came since; nothing where the new count is of another database, which starts over."""
    rows = max(0, new.rows - old.rows)
    return Count(min(rows, max(0, new.events - old.events)), rows)
