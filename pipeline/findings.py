"""What an experiment has shown so far, in figures and in words."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from pipeline.confidence import Interval, difference, rate
from pipeline.evidence import Count, Evidence
from pipeline.guardrails import Limits, stops_at
from pipeline.trial import Arm, Question, Trial, questions
from pipeline.wording import comparison, e_value

NOT_ENOUGH = "not enough evidence"

Side = Literal["better", "worse", "unknown"]


class Share(msgspec.Struct, frozen=True):
    """A share 0-1 of rows, with an interval that holds however often it is looked at.

    None: there are no rows, or they come in clumps, as failures do, so that no interval can be told.
    """

    hits: int
    rows: int
    value: float | None
    interval: Interval | None


class ArmFigures(msgspec.Struct, frozen=True):
    arm: str
    exposures: int
    failures: Share
    p99_ms: float | None
    fpr: Share  #: of messages labelled negative: taken for positive (flagged or blocked, called a one-time password …)
    recall: Share  #: of messages labelled positive: recognised; of purposes: named rightly


class Finding(msgspec.Struct, frozen=True):
    """The answer to one question about a treatment."""

    question: Question
    side: Side  #: of the treatment
    verdict: str
    e_value: float  #: two-sided; 1 / alpha and more is evidence
    gap: Interval | None  #: of the treatment's rate less the control's, of what the question counts, -1 to 1; see Share
    events: int  #: bad ones of the treatment: alarms, misses, failures
    expected: float  #: as many, were the arms alike


class Point(msgspec.Struct, frozen=True):
    """What was known when a bucket had closed: all events and rows so far."""

    until: float  #: seconds since the epoch
    control: Count
    treatment: Count
    e_value: float  #: two-sided


class Series(msgspec.Struct, frozen=True):
    question: Question
    points: list[Point]  #: bad events: alarms, misses, failures


class Compared(msgspec.Struct, frozen=True):
    treatment: ArmFigures
    findings: list[Finding]
    series: list[Series] = []  #: by question, oldest bucket first


class ShadowFigures(msgspec.Struct, frozen=True):
    """What a shadow would have said, over the last day."""

    arm: str
    exposures: int
    failures: int
    only_shadow: int  #: the shadow alone would have said yes, or named that purpose
    only_live: int


class RampFigures(msgspec.Struct, frozen=True):
    version: str
    shares: list[float]  #: of the traffic, 0-1, step by step
    step: int  #: index of the one in force
    since: float  #: seconds since the epoch
    outlook: str  #: what it waits for, or what comes next


class Report(msgspec.Struct, frozen=True):
    task: str
    alpha: float  #: chance that a finding about arms that are alike ever claims a difference
    control: ArmFigures
    compared: list[Compared]
    revision: int = 0  #: of the experiment
    stops_at: float = stops_at(Limits())  #: one-sided e-value at which a guardrail takes the traffic of a treatment
    shadows: list[ShadowFigures] = []
    ramp: RampFigures | None = None


def report(task: str, control: Arm, trials: Sequence[Trial], alpha: float = 0.05) -> Report:
    """Every treatment against the same control. Figures by label are those of closed buckets, as the evidence is."""
    widest = max(trials, key=lambda trial: trial.false_alarms.control.rows + trial.misses.control.rows, default=None)
    found = widest or Trial(control, control)
    return Report(
        task=task,
        alpha=alpha,
        control=_arm(control, found.false_alarms.control, found.misses.control, alpha),
        compared=[_compared(trial, alpha) for trial in trials],
    )


def finding(trial: Trial, question: Question, alpha: float = 0.05) -> Finding:
    """One question about a trial. The words name a side only once the e-value has reached 1 / alpha."""
    evidence = trial.evidence(question)
    side = _side(evidence, alpha)
    return Finding(
        question=question,
        side=side,
        verdict=_verdict(trial, question, side, alpha),
        e_value=evidence.either,
        gap=_gap(evidence, question, alpha),
        events=evidence.treatment.events,
        expected=evidence.expected,
    )


def _compared(trial: Trial, alpha: float) -> Compared:
    arm = _arm(trial.treatment, trial.false_alarms.treatment, trial.misses.treatment, alpha)
    return Compared(arm, [finding(trial, question, alpha) for question in questions(trial.task)])


def _arm(arm: Arm, alarms: Count, misses: Count, alpha: float) -> ArmFigures:
    return ArmFigures(
        arm=arm.name,
        exposures=arm.requests.rows,
        failures=Share(arm.requests.events, arm.requests.rows, arm.requests.rate, None),
        p99_ms=arm.p99_ms,
        fpr=_share(alarms, alpha),
        recall=_share(Count(misses.rows - misses.events, misses.rows), alpha),
    )


def _share(count: Count, alpha: float) -> Share:
    return Share(count.events, count.rows, count.rate, rate(count, alpha) if count.rows else None)


def _gap(evidence: Evidence, question: Question, alpha: float) -> Interval | None:
    if question == "failures":
        return None
    low, high = difference(evidence.control, evidence.treatment, alpha)
    return (-high, -low) if question == "recall" else (low, high)


def _side(evidence: Evidence, alpha: float) -> Side:
    if evidence.either < 1 / alpha:
        return "unknown"
    return "worse" if evidence.more > evidence.fewer else "better"


def _verdict(trial: Trial, question: Question, side: Side, alpha: float) -> str:
    if side == "unknown":
        return NOT_ENOUGH
    found = e_value(trial.evidence(question).either)
    alone = any(_side(view, alpha) != side for view in trial.views(question))
    caveat = "; without the labels of one tenant there is not enough evidence" if alone else ""
    return f"{comparison(trial, question, side)}, e-value {found}{caveat}"
