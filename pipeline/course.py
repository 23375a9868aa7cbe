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
from pipeline.tally import quantile_ms
from pipeline.trial import Arm, Span, Trial, decisive

Seconds = Annotated[float, msgspec.Meta(gt=0.0)]

_MINUTE_S = 60.0
_SLACK = 1e-9  #: of a bucket, for rounding


class EvidenceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How experiments are watched."""

    label_bucket_s: Seconds = 3600.0  #: labels count once their bucket is closed
    failure_bucket_s: Seconds = 60.0
    tenant_labels: Annotated[int, msgspec.Meta(ge=1)] = 1_000  #: of one tenant in one bucket that count
    tick_s: Seconds = 1.0


class Course(msgspec.Struct, frozen=True):
    """A trial with where its ramp stands and the ends of its last buckets, seconds since the epoch."""

    trial: Trial
    began: int  #: revision of the experiment
    progress: Progress
    labels_until: float
    failures_until: float


class Latencies(msgspec.Struct, frozen=True):
    """Of one arm in one minute."""

    arm: str
    minute: int  #: minutes since the epoch
    latency: list[int]  #: see `pipeline.tally`


class Order(msgspec.Struct, frozen=True):
    """What is to be done with the weights."""

    act: Literal["advance", "promote", "stop"]
    reason: str


def opened(
    experiment: Experiment, treatment: str, now: float, requests: Mapping[str, Count], settings: EvidenceSettings
) -> Course:
    """The course of an arm that joined.

    Args:
        requests: of both arms since `first_minute(now)`; they are shown, and are no evidence.
    """
    control, treated = (Arm(name, requests.get(name, Count())) for name in (experiment.control, treatment))
    return Course(
        trial=Trial(control, treated, task=experiment.task, since=first_minute(now)),
        began=experiment.began[treatment],
        progress=_progress(_ramp(experiment, treatment), experiment.revision),
        labels_until=last_end(now, settings.label_bucket_s),
        failures_until=last_end(now, settings.failure_bucket_s),
    )


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
    fresh = span(task, (each for each in labels if each.revision >= course.progress.revision), treatment)
    progress = msgspec.structs.replace(
        course.progress, labelled=course.progress.labelled + fresh.bucket(decisive(task))
    )
    after = msgspec.structs.replace(course, trial=course.trial.add(closed), progress=progress, labels_until=until)
    return after, closed


def with_requests(course: Course, control: Arm, treatment: Arm, until: float) -> tuple[Course, Span]:
    """After the bucket of requests that were added up until then.

    Args:
        control, treatment: what both did since `Trial.since`. What is more than last time is the bucket: replicas that
            could not write for a while are late, and miss nothing. The first bucket of a ramp's step may count some
            requests of the step before.
    """
    old = course.trial
    treated = _growth(old.treatment.requests, treatment.requests)
    closed = Span(failures=Bucket(_growth(old.control.requests, control.requests), treated))
    trial = msgspec.structs.replace(old.add(closed), control=control, treatment=treatment)
    progress = msgspec.structs.replace(course.progress, exposures=course.progress.exposures + treated.rows)
    return msgspec.structs.replace(course, trial=trial, progress=progress, failures_until=until), closed


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


def recent_p99_ms(minutes: Sequence[Latencies], arms: tuple[str, ...], least: int) -> dict[str, float]:
    """Of each arm over the same last minutes: as few as it takes the last arm to have `least` messages.

    Nothing where all minutes together are not enough.
    """
    total: dict[str, list[int]] = {}
    for minute in sorted({each.minute for each in minutes}, reverse=True):
        for each in minutes:
            if each.minute == minute:
                known = total.get(each.arm)
                total[each.arm] = [a + b for a, b in zip(known, each.latency, strict=True)] if known else each.latency
        if sum(total.get(arms[-1], ())) >= least:
            found = {arm: quantile_ms(total[arm], 0.99) for arm in arms if arm in total}
            return {arm: p99 for arm, p99 in found.items() if p99 is not None}
    return {}


def _ramp(experiment: Experiment, treatment: str) -> Ramp | None:
    ramp = experiment.ramp
    return ramp if ramp and ramp.version == treatment else None


def _progress(ramp: Ramp | None, revision: int) -> Progress:
    return Progress(ramp.step, ramp.since, revision=revision) if ramp else Progress(0, 0.0, revision=revision)


def _growth(old: Count, new: Count) -> Count:
    """What came since; nothing where the new count is of another database, which starts over."""
    rows = max(0, new.rows - old.rows)
    return Count(min(rows, max(0, new.events - old.events)), rows)
