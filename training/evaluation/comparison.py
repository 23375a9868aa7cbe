"""Two evaluations of the same messages: what got better, what got worse, and which messages it was."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np

from training.evaluation.judged import TASKS, Judged, columns
from training.evaluation.markdown import NONE, figure, table
from training.intervals import Figure, bootstrap_gain, mcnemar

Right = Callable[[Judged], bool | None]  #: None: the row says nothing of this question
Change = Literal["better", "worse", "no evidence"]

_SURE = 0.05  #: largest p, and one minus the coverage of intervals, that counts as evidence
_RATE = 0.005  #: FPR at which scores are compared


class Difference(msgspec.Struct, frozen=True):
    """One question, asked of the messages that both runs answered."""

    set: str
    question: str
    rows: int
    old: int  #: right answers
    new: int
    won: int  #: wrong before, right now
    lost: int
    p: float  #: McNemar's exact test, two-sided

    @property
    def change(self) -> Change:
        if self.p >= _SURE:
            return "no evidence"
        return "better" if self.won > self.lost else "worse"


class ScoreGain(msgspec.Struct, frozen=True):
    """By how much more a score finds at the same FPR."""

    set: str
    task: str
    gain: Figure  #: new recall less old, paired bootstrap

    @property
    def change(self) -> Change:
        low, high = self.gain.interval or (0.0, 0.0)
        return "better" if low > 0 else "worse" if high < 0 else "no evidence"


class Flip(msgspec.Struct, frozen=True):
    """A message that one run got right and the other wrong."""

    set: str
    index: int
    question: str
    won: bool


class Comparison(msgspec.Struct, frozen=True):
    differences: list[Difference]
    gains: list[ScoreGain]
    flips: list[Flip]
    left_out: list[str]  #: sets that are not the same messages in both


Pairs = Sequence[tuple[Judged, Judged]]


def compare(old: Mapping[str, Sequence[Judged]], new: Mapping[str, Sequence[Judged]]) -> Comparison:
    """Compare set by set; only sets that both hold, with the same messages, and messages that both answered.

    Args:
        old: set to its judged messages, in order.
        new: the same of the other run.
    """
    same = [name for name in old if name in new and _agree(old[name], new[name])]
    paired = {
        name: [(a, b) for a, b in zip(old[name], new[name], strict=True) if a.error is None and b.error is None]
        for name in same
    }
    asked = [(name, question) for name in same for question in QUESTIONS]
    differences = [_difference(name, question, paired[name]) for name, question in asked]
    return Comparison(
        differences=[each for each in differences if each.rows],
        gains=[gain for name in same for gain in _gains(name, paired[name])],
        flips=[flip for name, question in asked for flip in _flips(name, question, paired[name])],
        left_out=sorted({*old, *new} - set(same)),
    )


def render(found: Comparison, texts: Mapping[tuple[str, int], str] | None = None, most: int = 50) -> str:
    """The comparison as Markdown.

    Args:
        found: what to show.
        texts: (set, index) to the text of a message, where texts shall be shown.
        most: messages to list at most of those that got better, and of those that got worse.
    """
    parts = [
        "# Old against new",
        "Answers are compared message by message: p is McNemar's exact test, two-sided, not corrected for the number "
        f"of questions. Below {_SURE} it counts as evidence.",
    ]
    if found.left_out:
        parts.append(f"Not the same messages in both, or only in one: {', '.join(found.left_out)}.")
    parts += [f"## {change.capitalize()}\n\n{_differences(found, change)}" for change in _CHANGES]
    for title, won in (("Messages that got worse", False), ("Messages that got better", True)):
        parts += [f"## {title}", _listed([flip for flip in found.flips if flip.won is won], texts, most)]
    return "\n\n".join(parts) + "\n"


_CHANGES: tuple[Change, ...] = ("worse", "better", "no evidence")


def _decided(task: str, label: bool) -> Right:
    def right(row: Judged) -> bool | None:
        return None if row.label(task) is not label else (row.said(task) is True) is label

    return right


def _intent(row: Judged) -> bool | None:
    return None if row.intent is None else row.said_intent == row.intent


def _unblocked(row: Judged) -> bool | None:
    return row.action != "block" if row.legitimate else None


def _blocked(row: Judged) -> bool | None:
    return row.action == "block" if row.spam else None


#: What is asked of each message: right or not, or nothing.
QUESTIONS: dict[str, Right] = {
    "legitimate is not blocked": _unblocked,
    "spam is blocked": _blocked,
    **{f"not {task}" if not label else task: _decided(task, label) for task in TASKS for label in (False, True)},
    "intent": _intent,
}


def _agree(old: Sequence[Judged], new: Sequence[Judged]) -> bool:
    return len(old) == len(new) and all(
        a.index == b.index and a.labels == b.labels for a, b in zip(old, new, strict=True)
    )


def _answers(question: str, pairs: Pairs) -> Iterator[tuple[int, bool, bool]]:
    """Index, right before, right now."""
    for before, after in pairs:
        was, now = QUESTIONS[question](before), QUESTIONS[question](after)
        if was is not None and now is not None:
            yield before.index, was, now


def _difference(name: str, question: str, pairs: Pairs) -> Difference:
    found = [(was, now) for _, was, now in _answers(question, pairs)]
    won, lost = sum(now and not was for was, now in found), sum(was and not now for was, now in found)
    old, new = sum(was for was, _ in found), sum(now for _, now in found)
    return Difference(name, question, len(found), old, new, won, lost, mcnemar(won, lost))


def _flips(name: str, question: str, pairs: Pairs) -> Iterator[Flip]:
    for index, was, now in _answers(question, pairs):
        if was is not now:
            yield Flip(name, index, question, now)


def _gains(name: str, pairs: Pairs) -> Iterator[ScoreGain]:
    for task in TASKS:
        old, new = (columns([pair[side] for pair in pairs], task) for side in (0, 1))
        scored = ~np.isnan(old.scores) & ~np.isnan(new.scores)
        labels = old.labels[scored]
        if labels.any() and not labels.all():
            yield ScoreGain(name, task, bootstrap_gain(labels, old.scores[scored], new.scores[scored], _RATE))


def _differences(found: Comparison, change: Change) -> str:
    rows = [
        (each.set, each.question, str(each.rows), str(each.old), str(each.new), f"+{each.won} -{each.lost}",
         f"{each.p:.3g}")
        for each in found.differences
        if each.change == change
    ]  # fmt: skip
    rows += [
        (
            each.set,
            f"{each.task}: recall at {_RATE:.1%} FPR, % gained",
            NONE,
            NONE,
            NONE,
            figure(each.gain),
            "bootstrap",
        )
        for each in found.gains
        if each.change == change
    ]
    return table(("set", "question", "rows", "right: old", "new", "changed", "p"), rows) if rows else "Nothing."


def _listed(flips: Sequence[Flip], texts: Mapping[tuple[str, int], str] | None, most: int) -> str:
    if not flips:
        return "None."
    rows: Iterable[tuple[str, ...]] = (
        (flip.set, str(flip.index), flip.question) + ((texts[flip.set, flip.index],) if texts else ())
        for flip in flips[:most]
    )
    text = table(("set", "message", "question", *(("text",) if texts else ())), rows)
    return text if len(flips) <= most else f"{text}\n\n{len(flips) - most} more."
