"""What an evaluation finds, as `figures.json` keeps it. Shares are 0-1, times are in the unit of their name."""

from typing import Literal

import msgspec

from pipeline.types import PolicyName
from training.intervals import Figure
from training.metrics import Bin, Confusion

Grouping = Literal["kind", "country", "script"]


class Quality(msgspec.Struct, frozen=True):
    """How right a decision on spam was, over the messages that were answered."""

    decision: str
    confusion: Confusion
    accuracy: Figure
    fpr: Figure
    recall: Figure
    mcc: Figure


class TaskFigures(msgspec.Struct, frozen=True):
    """How right a task's decision and score are, over the rows that carry its label."""

    task: str
    rows: int
    positives: int
    confusion: Confusion
    accuracy: Figure
    fpr: Figure
    recall: Figure
    mcc: Figure
    precision: Figure  #: in this set, which is not what traffic looks like
    f1: float | None
    recall_at_fpr: dict[str, Figure]  #: rate, written as a decimal, to recall of the score at that rate
    prevalence: float | None  #: share 0-1 of traffic that is positive, as far as is known
    precision_in_traffic: Figure  #: at that prevalence; the interval joins the ends of recall's and FPR's
    ece: float | None
    bins: list[Bin]


class IntentFigures(msgspec.Struct, frozen=True):
    """How right the intent was, over the rows that carry one; what is no one-time password should be NOT_OTP."""

    rows: int
    accuracy: Figure
    otps: int
    otp_accuracy: Figure  #: over those that have an intent other than NOT_OTP
    macro_f1: float  #: mean of `f1`
    f1: dict[str, float]  #: of each intent that the labels name
    confusion: list[list[int]]  #: [truth][answer] in the order of INTENTS
    untold: int  #: rows of which nobody could tell whether they are one-time passwords


class Group(msgspec.Struct, frozen=True):
    """What happened to the messages of one kind, country or script."""

    by: Grouping
    name: str
    rows: int
    legitimate: int
    false_alarms: int  #: legitimate ones that were called spam or phishing
    blocked_legitimate: int
    spam: int
    caught: int  #: spam that was called spam or phishing
    called_spam: int
    called_phishing: int
    called_otp: int
    blocked: int


class Disguised(msgspec.Struct, frozen=True):
    """The same messages as written and disguised in one way."""

    way: str
    spam: int
    plain_recall: float | None  #: share 0-1 of the spam called spam or phishing
    recall: float | None
    phishing: int
    plain_phishing_recall: float | None  #: share 0-1 of the phishing called phishing
    phishing_recall: float | None
    legitimate: int
    plain_false_alarms: int  #: legitimate messages called spam or phishing
    added_false_alarms: int  #: those that only their disguise made one


class PolicyFigures(msgspec.Struct, frozen=True):
    """What one policy does to the messages labelled for spam."""

    policy: PolicyName
    actions: dict[str, int]
    fpr: Figure  #: legitimate messages not delivered as they are
    blocked_legitimate: Figure
    recall: Figure  #: spam flagged or blocked
    blocked_spam: Figure


class Traffic(msgspec.Struct, frozen=True):
    """How one pass went."""

    name: str
    messages: int
    requests: int
    failed: dict[str, int]  #: error code to messages
    messages_per_s: float
    latency_ms: dict[str, float]  #: of requests: p50, p95, p99
    cache: dict[str, int]  #: where answers came from, see `CacheSource`
    status: dict[str, int]
    degraded: dict[str, int]  #: stage to the answers that lack it
    decided_by: dict[str, int]
    per_message: bool = True  #: each request held one message

    @property
    def from_cache(self) -> int:
        return sum(self.cache.values()) - self.cache.get("miss", 0)


class SetResult(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one evaluation set."""

    name: str = ""
    digest: str = ""  #: of its texts, in order: equal ones mean the same messages
    rows: int
    positives: int  #: rows labelled spam
    quality: list[Quality]  #: of the first pass
    traffic: list[Traffic]
    differing: int  #: messages whose decision differs between passes
    tasks: list[TaskFigures] = []  #: those that have labels
    intents: IntentFigures | None = None
    groups: list[Group] = []
    robustness: list[Disguised] = []
    policies: list[PolicyFigures] = []

    @property
    def failed(self) -> int:
        return sum(sum(each.failed.values()) for each in self.traffic)

    def task(self, name: str) -> TaskFigures | None:
        return next((each for each in self.tasks if each.task == name), None)


class Results(msgspec.Struct, frozen=True):
    """One evaluation."""

    answered_by: str  #: "a server", or in which way the models were asked without one
    models: dict[str, str]  #: task to the versions that answered
    sets: list[SetResult]
