"""Figures of an experiment in words."""

from typing import Literal, NamedTuple

from pipeline.evidence import Evidence
from pipeline.trial import Question, Trial


class Words(NamedTuple):
    better: str
    worse: str
    good: bool = False  #: tell the share of what went well


class Labelled(NamedTuple):
    """What a ramp waits for, in words."""

    rows: str
    events: str


_FAILURES = Words("fails less often than", "fails more often than")

_WORDS: dict[str, dict[Question, Words]] = {
    "spam": {
        "false alarms": Words("flags fewer legitimate messages than", "flags more legitimate messages than"),
        "recall": Words("catches more spam than", "catches less spam than", good=True),
    },
    "phishing": {
        "false alarms": Words(
            "calls fewer legitimate messages phishing than", "calls more legitimate messages phishing than"
        ),
        "recall": Words("recognises more phishing than", "recognises less phishing than", good=True),
    },
    "otp": {
        "false alarms": Words(
            "calls fewer other messages one-time passwords than", "calls more other messages one-time passwords than"
        ),
        "recall": Words("recognises more one-time passwords than", "recognises fewer one-time passwords than", True),
    },
    "intent": {
        "recall": Words(
            "names the purpose rightly more often than", "names the purpose rightly less often than", good=True
        ),
    },
}

_LEGITIMATE = Labelled("labels of legitimate messages", "false alarms")
_LABELLED: dict[str, Labelled] = {
    "spam": _LEGITIMATE,
    "phishing": _LEGITIMATE,
    "otp": Labelled("labels of messages that are no one-time passwords", "false alarms"),
    "intent": Labelled("labels of purposes", "wrong purposes"),
}


def comparison(trial: Trial, question: Question, side: Literal["better", "worse"]) -> str:
    """ "distilbert/4 flags more legitimate messages than distilbert/3 (1.1 % against 0.2 %)"."""
    words = _WORDS[trial.task].get(question, _FAILURES)
    said = words.better if side == "better" else words.worse
    shown = figures(trial.evidence(question), good=words.good)
    return f"{trial.treatment.name} {said} {trial.control.name} ({shown})"


def labelled(task: str) -> Labelled:
    """Of the question that is decisive for a ramp of this task."""
    return _LABELLED[task]


def percent(share: float) -> str:
    """Two digits: "0.2 %", "1.1 %", "99.2 %"."""
    return f"{100 * share:.1f} %" if share >= 0.0095 else f"{100 * share:.2g} %"


def e_value(value: float) -> str:
    return f"{value:.0f}" if value < 1e6 else "over a million"


def figures(evidence: Evidence, *, good: bool = False) -> str:
    """The treatment's rate against the control's.

    Where rates drifted while traffic was shifted, the totals may contradict the evidence, which compares within
    buckets; then it is the events of the treatment against as many as there were, were the arms alike.

    Args:
        good: tell the share of the other rows, "caught" instead of "missed".
    """
    ours, theirs, expected = evidence.treatment.rate, evidence.control.rate, evidence.expected
    if ours is None or theirs is None or (ours - theirs) * (evidence.treatment.events - expected) <= 0:
        return f"{evidence.treatment.events} where {expected:.1f} were to be expected"
    if good:
        ours, theirs = 1 - ours, 1 - theirs
    return f"{percent(ours)} against {percent(theirs)}"
