"""When a new version gets more traffic, and when it gets none any more."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from pipeline.confidence import difference
from pipeline.evidence import Bucket
from pipeline.trial import Trial, questions
from pipeline.wording import comparison, e_value, labelled

Move = Literal["continue", "advance", "promote", "stop"]
Share = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Whole = Annotated[int, msgspec.Meta(ge=0)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share of the traffic, and what must be seen at it before the next one. Labels may well come later."""

    share: Share  #: of the treatment, 0-1
    dwell_s: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    exposures: Whole = 0  #: messages that the treatment answered
    labels: Whole = 0  #: of legitimate messages that it answered (see `pipeline.trial.decisive`)
    margin: Share | None = None  #: by how much more it might flag must be ruled out, as a share 0-1 of those


#: 1, 5, 25 and 100 %: an hour for what breaks at once, six hours with some labels, then a day and however long it
#: takes to know. At 100 % there is nothing left to compare with, so a guardrail not hit is not enough to go there.
RAMP: tuple[Step, ...] = (
    Step(0.01, 3600.0, 1_000),
    Step(0.05, 6 * 3600.0, 10_000, 20),
    Step(0.25, 24 * 3600.0, 50_000, 100, margin=0.01),
    Step(1.0),
)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a treatment may not do."""

    #: chance that a treatment as good as the control is ever stopped for its rates, all of them together
    alpha: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] = 0.05
    p99_ms: Positive = 250.0
    p99_ratio: Annotated[float, msgspec.Meta(ge=1.0)] = 1.5  #: to the control's; both must be passed
    #: messages that the p99 is taken of: computed, for callers that sent one at a time; with fewer it is chance
    p99_exposures: Whole = 1_000
    #: so many minutes in a row most of its messages fail, and not the control's
    broken_minutes: Annotated[int, msgspec.Meta(ge=1)] = 5


class Progress(msgspec.Struct, frozen=True):
    """Where a ramp stands."""

    step: Whole  #: index into the ramp
    since: float  #: seconds since the epoch
    exposures: int = 0  #: since then, of the treatment
    labelled: Bucket = (
        Bucket()
    )  #: of the decisive question, since then: shares were constant, so totals can be compared
    revision: int = 0  #: of the experiment, since which that is so
    tenants: dict[str, Bucket] = {}  #: `labelled` of the tenants that labelled most

    def views(self, trial: Trial) -> Iterator[Bucket]:
        """All of `labelled` and, with a quorum, what there is of it without each tenant."""
        yield self.labelled
        if trial.has_quorum:
            for part in self.tenants.values():
                yield self.labelled - part


#: Rates that share the alpha of the guardrails.
_RATES = 3


class Decision(msgspec.Struct, frozen=True):
    move: Move
    share: float  #: what the treatment shall have from now on, 0-1
    reason: str


def decide(
    trial: Trial, progress: Progress, *, now: float, limits: Limits | None = None, ramp: tuple[Step, ...] = RAMP
) -> Decision:
    """Stop at the first guardrail that is hit; else advance once the step has seen enough, and promote after the last.

    Rates stop on evidence, so that asking every second stops a good treatment no more often than `limits.alpha`. Nor
    does a treatment that is worse by a step's margin pass that step more often, however long it is given.
    Where three or more tenants label, both must hold without any one of them.
    Latency, and a treatment that hardly answers at all, stop on the figure itself, which carries no such promise. At a
    share of 1 there is no control to compare with: only what was known before, and labels that come late, can still
    stop it.

    Args:
        now: seconds since the epoch.
    """
    limits = limits or Limits()
    if hit := guardrail_hit(trial, limits):
        return Decision("stop", 0.0, hit)
    step = ramp[progress.step]
    if missing := next(_missing(trial, step, progress, now, limits.alpha), None):
        return Decision("continue", step.share, missing)
    if progress.step == len(ramp) - 1:
        return Decision("promote", step.share, "the ramp is complete")
    share = ramp[progress.step + 1].share
    return Decision("advance", share, f"no guardrail was hit at {step.share:.0%} of the traffic, on to {share:.0%}")


def guardrail_hit(trial: Trial, limits: Limits) -> str | None:
    """What the treatment did that it may not do; None: nothing that is known."""
    return next(_hits(trial, limits), None)


def stops_at(limits: Limits) -> float:
    """The one-sided e-value at which a rate stops a treatment."""
    return _RATES / limits.alpha


def _hits(trial: Trial, limits: Limits) -> Iterator[str]:
    for question in questions(trial.task):
        found = min(view.more for view in trial.views(question))
        if found >= stops_at(limits):
            yield f"{comparison(trial, question, 'worse')}, e-value {e_value(found)}"
    yield from _broken(trial, limits)
    yield from _slow(trial, limits)


def _broken(trial: Trial, limits: Limits) -> Iterator[str]:
    """Units that fail are evidence once, and a minute of them doubles it at most: too little where there are few."""
    if trial.treatment.broken >= limits.broken_minutes:
        minutes = f"{trial.treatment.broken} minutes in a row"
        yield f"{trial.treatment.name} failed most of its messages for {minutes}, {trial.control.name} did not"


def _slow(trial: Trial, limits: Limits) -> Iterator[str]:
    ours, theirs = trial.treatment.p99_ms, trial.control.p99_ms
    if ours is None or ours <= limits.p99_ms:
        return
    if theirs is None or ours > limits.p99_ratio * theirs:
        against = "" if theirs is None else f", {trial.control.name} {theirs:.0f} ms"
        yield f"{trial.treatment.name} has a p99 of {ours:.0f} ms{against}, the limit is {limits.p99_ms:.0f} ms"


def _missing(trial: Trial, step: Step, progress: Progress, now: float, alpha: float) -> Iterator[str]:
    labels, words = progress.labelled.treatment.rows, labelled(trial.task)
    at = f"at {step.share:.0%} of the traffic"
    if progress.exposures < step.exposures:
        yield f"{progress.exposures} of {step.exposures} messages {at}"
    if labels < step.labels:
        yield f"{labels} of {step.labels} {words.rows} {at}"
    if now - progress.since < step.dwell_s:
        yield f"{max(0.0, now - progress.since) / 3600:.1f} of {step.dwell_s / 3600:.1f} hours {at}"
    if step.margin is not None:
        most = max(difference(view.control, view.treatment, alpha)[1] for view in progress.views(trial))
        if most >= step.margin:
            possible = f"up to {100 * most:.2g} points more {words.events} are possible"
            yield f"{possible} {at}, {100 * step.margin:.2g} are not"
