"""From judged messages to figures of merit: decisions, scores, intents, policies."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipeline.types import INTENTS, PolicyName
from training.evaluation.judged import TASKS, Columns, Judged, columns
from training.evaluation.results import IntentFigures, PolicyFigures, Quality, TaskFigures
from training.intervals import UNDEFINED, Figure, bootstrap_mcc, bootstrap_recall_at_fpr, share
from training.metrics import Confusion, confusion, expected_calibration_error, precision_at, reliability

#: What may count as "called spam".
DECISIONS: dict[str, Callable[[Judged], bool]] = {
    "is_spam": lambda row: row.is_spam is True,
    "action != deliver": lambda row: row.action != "deliver",
    "action == block": lambda row: row.action == "block",
}
#: Assumed share 0-1 of real traffic that is positive; a test set holds far more of both.
PREVALENCE: dict[str, float] = {"spam": 0.05, "phishing": 0.001}
RATES = ("0.001", "0.005")  #: false-positive rates at which recall is asked for


def qualities(rows: Sequence[Judged]) -> list[Quality]:
    """Each of DECISIONS against the labels of spam."""
    return [_quality(name, columns(rows, "spam", decided)) for name, decided in DECISIONS.items()]


def task_figures(rows: Sequence[Judged]) -> list[TaskFigures]:
    """Of each task for which `rows` (answered ones) carry labels."""
    found = ((task, columns(rows, task)) for task in TASKS)
    return [_task(task, cells) for task, cells in found if len(cells.labels)]


def intent_figures(rows: Sequence[Judged]) -> IntentFigures | None:
    """None where no row carries an intent and an answer."""
    labelled = [(row.intent, row.said_intent) for row in rows if row.intent is not None]
    pairs = [(truth, said) for truth, said in labelled if said is not None]
    if not pairs:
        return None
    table = np.zeros((len(INTENTS), len(INTENTS)), dtype=int)
    for truth, said in pairs:
        table[INTENTS.index(truth), INTENTS.index(said)] += 1
    scores = {name: _f1(table, i) for i, name in enumerate(INTENTS) if table[i].any()}
    otps = table[1:]
    return IntentFigures(
        rows=len(pairs),
        accuracy=share(int(np.trace(table)), len(pairs)),
        otps=int(otps.sum()),
        otp_accuracy=share(int(np.trace(table[1:, 1:])), int(otps.sum())),
        macro_f1=float(np.mean(list(scores.values()))),
        f1=scores,
        confusion=table.tolist(),
        untold=len(labelled) - len(pairs),
    )


def policy_figures(rows: Mapping[PolicyName, Sequence[Judged]]) -> list[PolicyFigures]:
    """What each policy did to the same messages."""
    return [_policy(name, judged) for name, judged in rows.items()]


def precision_in_traffic(prevalence: float, recall: Figure, fpr: Figure) -> Figure:
    """Precision at a prevalence. The interval joins the worst ends of both intervals, so it is wider than 95 %."""
    if recall.value is None or recall.interval is None or fpr.value is None or fpr.interval is None:
        return UNDEFINED
    low = precision_at(prevalence, recall.interval[0], fpr.interval[1])
    high = precision_at(prevalence, recall.interval[1], fpr.interval[0])
    return Figure(precision_at(prevalence, recall.value, fpr.value), (low, high))


def _quality(name: str, cells: Columns) -> Quality:
    counts = confusion(cells.labels, cells.decided)
    return Quality(name, counts, *_rates(counts))


def _rates(counts: Confusion) -> tuple[Figure, Figure, Figure, Figure]:
    """Accuracy, FPR, recall and MCC."""
    positives = counts.true_positive + counts.false_negative
    negatives = counts.false_positive + counts.true_negative
    return (
        share(counts.true_positive + counts.true_negative, counts.rows),
        share(counts.false_positive, negatives),
        share(counts.true_positive, positives),
        Figure(counts.mcc, bootstrap_mcc(counts)) if positives and negatives else UNDEFINED,
    )


def _task(task: str, cells: Columns) -> TaskFigures:
    counts, scored = confusion(cells.labels, cells.decided), cells.scored
    accuracy, fpr, recall, mcc = _rates(counts)
    prevalence = PREVALENCE.get(task)
    called = counts.true_positive + counts.false_positive
    return TaskFigures(
        task=task,
        rows=counts.rows,
        positives=int(cells.labels.sum()),
        confusion=counts,
        accuracy=accuracy,
        fpr=fpr,
        recall=recall,
        mcc=mcc,
        precision=share(counts.true_positive, called),
        f1=counts.f1 if cells.labels.any() else None,
        recall_at_fpr={
            rate: bootstrap_recall_at_fpr(scored.labels, scored.scores, float(rate))
            if len(scored.labels)
            else UNDEFINED
            for rate in RATES
        },
        prevalence=prevalence,
        precision_in_traffic=UNDEFINED if prevalence is None else precision_in_traffic(prevalence, recall, fpr),
        ece=expected_calibration_error(scored.labels, scored.scores) if len(scored.labels) else None,
        bins=reliability(scored.labels, scored.scores),
    )


def _f1(table: np.ndarray[tuple[int, int], np.dtype[np.int_]], i: int) -> float:
    hits = int(table[i, i])
    return Confusion(hits, int(table[:, i].sum()) - hits, int(table[i].sum()) - hits, 0).f1


def _policy(name: PolicyName, rows: Sequence[Judged]) -> PolicyFigures:
    legitimate, spam = [row for row in rows if row.legitimate], [row for row in rows if row.spam]

    def touched(some: Sequence[Judged], *actions: str) -> Figure:
        return share(sum(row.action in actions for row in some), len(some))

    return PolicyFigures(
        policy=name,
        actions=dict(Counter(row.action for row in (*legitimate, *spam))),
        fpr=touched(legitimate, "flag", "block"),
        blocked_legitimate=touched(legitimate, "block"),
        recall=touched(spam, "flag", "block"),
        blocked_spam=touched(spam, "block"),
    )
