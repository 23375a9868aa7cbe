"""What an experiment has shown so far, in figures and in words."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from pipeline.confidence import Interval, difference, rate
from pipeline.evidence import Count, Evidence
from pipeline.trial import Arm, Trial
from pipeline.wording import e_value, figures

NOT_ENOUGH = "not enough evidence"

Question = Literal["false alarms", "recall", "failures"]
Side = Literal["better", "worse", "unknown"]


class Share(msgspec.Struct, frozen=True):
    """A share 0-1 of rows, with an interval that holds however often it is looked at; None: there are no rows."""

    hits: int
    rows: int
    value: float | None
    interval: Interval | None


class ArmFigures(msgspec.Struct, frozen=True):
    arm: str
    exposures: int
    failures: Share
    p99_ms: float | None
    fpr: Share  #: of messages labelled legitimate: flagged or blocked
    recall: Share  #: of messages labelled spam: flagged or blocked


class Finding(msgspec.Struct, frozen=True):
    """The answer to one question about a treatment."""

    question: Question
    side: Side  #: of the treatment
    verdict: str
    e_value: float  #: two-sided; 1 / alpha and more is evidence
    gap: Interval  #: of the treatment's rate less the control's, of what the question counts; -1 to 1
    events: int  #: bad ones of the treatment: alarms, misses, failures
    expected: float  #: as many, were the arms alike


class Compared(msgspec.Struct, frozen=True):
    treatment: ArmFigures
    findings: list[Finding]


class Report(msgspec.Struct, frozen=True):
    task: str
    alpha: float  #: chance that a finding about arms that are alike ever claims a difference
    control: ArmFigures
    compared: list[Compared]


class _Words(NamedTuple):
    better: str
    worse: str
    good: bool = False  #: tell the share of what went well


_WORDS: dict[Question, _Words] = {
    "false alarms": _Words("flags fewer legitimate messages than", "flags more legitimate messages than"),
    "recall": _Words("catches more spam than", "catches less spam than", good=True),
    "failures": _Words("fails less often than", "fails more often than"),
}


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
    evidence = _evidence(trial, question)
    side = _side(evidence, alpha)
    low, high = difference(evidence.control, evidence.treatment, alpha)
    return Finding(
        question=question,
        side=side,
        verdict=_verdict(trial, question, side),
        e_value=evidence.either,
        gap=(-high, -low) if question == "recall" else (low, high),
        events=evidence.treatment.events,
        expected=evidence.expected,
    )


def _compared(trial: Trial, alpha: float) -> Compared:
    arm = _arm(trial.treatment, trial.false_alarms.treatment, trial.misses.treatment, alpha)
    return Compared(arm, [finding(trial, question, alpha) for question in _WORDS])


def _arm(arm: Arm, alarms: Count, misses: Count, alpha: float) -> ArmFigures:
    return ArmFigures(
        arm=arm.name,
        exposures=arm.requests.rows,
        failures=_share(arm.requests, alpha),
        p99_ms=arm.p99_ms,
        fpr=_share(alarms, alpha),
        recall=_share(Count(misses.rows - misses.events, misses.rows), alpha),
    )


def _share(count: Count, alpha: float) -> Share:
    return Share(count.events, count.rows, count.rate, rate(count, alpha) if count.rows else None)


def _evidence(trial: Trial, question: Question) -> Evidence:
    return {"false alarms": trial.false_alarms, "recall": trial.misses, "failures": trial.failures}[question]


def _side(evidence: Evidence, alpha: float) -> Side:
    if evidence.either < 1 / alpha:
        return "unknown"
    return "worse" if evidence.more > evidence.fewer else "better"


def _verdict(trial: Trial, question: Question, side: Side) -> str:
    if side == "unknown":
        return NOT_ENOUGH
    evidence, words = _evidence(trial, question), _WORDS[question]
    said = f"{trial.treatment.name} {words.better if side == 'better' else words.worse} {trial.control.name}"
    return f"{said} ({figures(evidence, good=words.good)}), e-value {e_value(evidence.either)}"
