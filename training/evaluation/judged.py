"""One message's labels beside the answer it got, without its text, and many of them as columns."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WinnowError
from pipeline.types import NOT_OTP, Action, DecidedBy, Verdict
from training.evaluation.script import script_of
from training.examples import Example
from training.metrics import Bools, Scores

#: Tasks with a yes or no, each a label, a score and a decision of `Judged`.
TASKS = ("spam", "phishing", "otp")


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message of an evaluation set: what it is, and what was said of it. Holds no text."""

    set: str
    index: int  #: place in the set, from 0
    spam: bool | None = None  #: labels; None: not labelled for that task
    phishing: bool | None = None
    otp: bool | None = None
    intent: str | None = None
    country: str = ""
    kind: str = ""
    script: str = ""
    error: str | None = None  #: code of why there is no answer; then the rest says nothing
    action: Action = "deliver"
    is_spam: bool | None = None  #: None: nobody could tell
    is_phishing: bool | None = None
    is_otp: bool | None = None
    spam_score: float | None = None  #: probabilities 0-1
    phishing_score: float | None = None
    otp_score: float | None = None
    otp_intent: str | None = None
    decided_by: DecidedBy = "none"

    @property
    def legitimate(self) -> bool:
        """What no filter may take for spam."""
        return self.spam is False

    @property
    def alarmed(self) -> bool:
        """Whether it was called spam or phishing."""
        return self.is_spam is True or self.is_phishing is True

    @property
    def said_intent(self) -> str | None:
        """The answer as one of INTENTS; None where nobody could tell."""
        if self.is_otp is None:
            return None
        return (self.otp_intent or NOT_OTP) if self.is_otp else NOT_OTP

    @property
    def labels(self) -> tuple[Any, ...]:
        return self.spam, self.phishing, self.otp, self.intent

    def label(self, task: str) -> bool | None:
        """Of "spam", "phishing" or "otp"."""
        return getattr(self, task)  # type: ignore[no-any-return]

    def said(self, task: str) -> bool | None:
        """The decision of a task."""
        return getattr(self, f"is_{task}")  # type: ignore[no-any-return]

    def score(self, task: str) -> float | None:
        """The probability 0-1 of a task."""
        return getattr(self, f"{task}_score")  # type: ignore[no-any-return]


class Columns(msgspec.Struct, frozen=True):
    """The rows of a task that carry its label and an answer."""

    labels: Bools
    decided: Bools
    scores: Scores  #: float64[N] probabilities; NaN: nobody could tell

    @property
    def scored(self) -> "Columns":
        """Those with a score."""
        kept = ~np.isnan(self.scores)
        return Columns(self.labels[kept], self.decided[kept], self.scores[kept])


def judge(name: str, index: int, example: Example, outcome: Verdict | WinnowError) -> Judged:
    """One message of the set `name` with its outcome."""
    known: dict[str, Any] = {
        field: getattr(example, field) for field in ("spam", "phishing", "otp", "intent", "country", "kind")
    }
    script = script_of(example.text)
    if isinstance(outcome, WinnowError):
        return Judged(set=name, index=index, script=script, error=outcome.code, **known)
    return Judged(
        set=name,
        index=index,
        script=script,
        action=outcome.action,
        is_spam=outcome.is_spam,
        is_phishing=outcome.is_phishing,
        is_otp=outcome.is_otp,
        spam_score=outcome.spam_score,
        phishing_score=outcome.phishing_score,
        otp_score=outcome.otp_score,
        otp_intent=outcome.otp_intent,
        decided_by=outcome.decided_by,
        **known,
    )


def answered(rows: Iterable[Judged]) -> list[Judged]:
    """Those that got an answer."""
    return [row for row in rows if row.error is None]


def columns(rows: Sequence[Judged], task: str, decided: Callable[[Judged], bool] | None = None) -> Columns:
    """Columns of a task: rows without its label are left out.

    Args:
        rows: answered ones.
        task: one of TASKS.
        decided: what counts as "called positive", else the task's own decision.
    """
    kept = [row for row in rows if row.label(task) is not None]
    call = decided or (lambda row: row.said(task) is True)
    return Columns(
        labels=_bools(row.label(task) is True for row in kept),
        decided=_bools(call(row) for row in kept),
        scores=np.asarray(
            [math.nan if (score := row.score(task)) is None else score for row in kept], dtype=np.float64
        ),
    )


def encode(rows: Iterable[Judged]) -> bytes:
    """JSON lines."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def decode(lines: bytes) -> list[Judged]:
    """What `encode` wrote.

    Raises:
        msgspec.DecodeError: it did not write this.
    """
    decoder = msgspec.json.Decoder(Judged)
    return [decoder.decode(line) for line in lines.splitlines()]


def _bools(values: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(values, dtype=np.bool_)
