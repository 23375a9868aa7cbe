"""What a label says of a verdict, and what the labels of a bucket say of two arms."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from pipeline.evidence import Bucket, Count
from pipeline.trial import Span
from pipeline.types import INTENTS, NOT_OTP

_PURPOSES = frozenset(INTENTS) - {NOT_OTP}
#: Labels by which a message is the one kind or the other, by task.
_NEGATIVE: dict[str, frozenset[str]] = {
    "spam": frozenset(("ham",)),
    "phishing": frozenset(("ham",)),
    "otp": frozenset(("not_otp", NOT_OTP)),
    "intent": frozenset(),
}
_POSITIVE: dict[str, frozenset[str]] = {
    "spam": frozenset(("spam", "phishing")),
    "phishing": frozenset(("phishing",)),
    "otp": _PURPOSES | {"otp"},
    "intent": _PURPOSES,
}
#: What a verdict says that takes the message for positive.
YES = {"spam": "spam", "phishing": "phishing", "otp": "otp"}


class Judgement(msgspec.Struct, frozen=True):
    kind: Literal["negative", "positive"]  #: what the message was
    is_bad: bool  #: a false alarm, or a miss


class Label(msgspec.Struct, frozen=True):
    """One that counts: it is of a unit that was not counted before."""

    unit: str  #: what was assigned to an arm: a sender, a recipient or a message
    arm: str  #: "name/version" that answered for the trial's task
    revision: int  #: of the experiment at that time
    label: str
    decisions: dict[str, str]  #: task to what the verdict said
    tenant: str = ""  #: who gave it


def heard(task: str) -> frozenset[str]:
    """Labels that say something of the task."""
    return _NEGATIVE[task] | _POSITIVE[task]


def judge(task: str, label: str, decisions: Mapping[str, str]) -> Judgement | None:
    """What the label says of the verdict; None: nothing, since it is about something else or nothing was decided.

    Args:
        decisions: task to what the verdict said, as a label.
    """
    said = decisions.get(task)
    if said is None:
        return None
    if label in _NEGATIVE[task]:
        return Judgement("negative", said == YES[task])
    if label in _POSITIVE[task]:
        return Judgement("positive", said != YES.get(task, label))
    return None


def span(task: str, labels: Iterable[Label], treatment: str) -> Span:
    """The labels of one bucket, those of `treatment` against those of the control."""
    found: dict[tuple[str, bool], list[bool]] = {}
    for each in labels:
        if judged := judge(task, each.label, each.decisions):
            found.setdefault((judged.kind, each.arm == treatment), []).append(judged.is_bad)

    def bucket(kind: str) -> Bucket:
        control, treated = (found.get((kind, side), []) for side in (False, True))
        return Bucket(Count(sum(control), len(control)), Count(sum(treated), len(treated)))

    return Span(false_alarms=bucket("negative"), misses=bucket("positive"))
