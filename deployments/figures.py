"""The figures of an evaluation: how right a server's answers were, how fast they came, and from where."""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from deployments.evaluation import Labelled, Outcome, Pass
from pipeline.errors import WinnowError
from pipeline.types import Verdict
from training.intervals import Interval, bootstrap_mcc, wilson
from training.metrics import Confusion, confusion

#: What may count as "called spam".
DECISIONS: dict[str, Callable[[Verdict], bool]] = {
    "is_spam": lambda verdict: verdict.is_spam is True,
    "action != deliver": lambda verdict: verdict.action != "deliver",
    "action == block": lambda verdict: verdict.action == "block",
}


class Figure(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval; None: not defined for this data."""

    value: float | None
    interval: Interval | None


class Quality(msgspec.Struct, frozen=True):
    """How right a decision was, over the messages that were answered."""

    decision: str
    confusion: Confusion
    accuracy: Figure
    fpr: Figure
    recall: Figure
    mcc: Figure


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

    @property
    def from_cache(self) -> int:
        return sum(self.cache.values()) - self.cache.get("miss", 0)


class Report(msgspec.Struct, frozen=True):
    rows: int
    positives: int
    quality: list[Quality]  #: of the first pass
    traffic: list[Traffic]
    differing: int  #: messages whose decision differs between passes

    @property
    def failed(self) -> int:
        return sum(sum(each.failed.values()) for each in self.traffic)


def report(messages: Sequence[Labelled], passes: Sequence[Pass]) -> Report:
    """The figures of all passes.

    Raises:
        WinnowError: the first one met, when no message was answered at all.
    """
    first = passes[0].outcomes
    if not any(isinstance(outcome, Verdict) for outcome in first):
        raise next(outcome for outcome in first if isinstance(outcome, WinnowError))
    return Report(
        rows=len(messages),
        positives=sum(message.spam for message in messages),
        quality=[_quality(name, messages, first) for name in DECISIONS],
        traffic=[_traffic(each) for each in passes],
        differing=sum(_differ(outcomes) for outcomes in zip(*(each.outcomes for each in passes), strict=True)),
    )


def _quality(name: str, messages: Sequence[Labelled], outcomes: Sequence[Outcome]) -> Quality:
    answered = [(m.spam, v) for m, v in zip(messages, outcomes, strict=True) if isinstance(v, Verdict)]
    labels = np.array([spam for spam, _ in answered], dtype=np.bool_)
    counts = confusion(labels, np.array([DECISIONS[name](verdict) for _, verdict in answered], dtype=np.bool_))
    positives, negatives = int(labels.sum()), int((~labels).sum())
    right = counts.true_positive + counts.true_negative
    return Quality(
        decision=name,
        confusion=counts,
        accuracy=_share(right, counts.rows),
        fpr=_share(counts.false_positive, negatives),
        recall=_share(counts.true_positive, positives),
        mcc=Figure(counts.mcc, bootstrap_mcc(counts)) if positives and negatives else Figure(None, None),
    )


def _share(hits: int, rows: int) -> Figure:
    return Figure(hits / rows, wilson(hits, rows)) if rows else Figure(None, None)


def _traffic(sent: Pass) -> Traffic:
    verdicts = [outcome for outcome in sent.outcomes if isinstance(outcome, Verdict)]
    p50, p95, p99 = np.percentile(np.array(sent.seconds) * 1000, (50, 95, 99))
    return Traffic(
        name=sent.name,
        messages=len(sent.outcomes),
        requests=len(sent.seconds),
        failed=dict(Counter(outcome.code for outcome in sent.outcomes if isinstance(outcome, WinnowError))),
        messages_per_s=len(verdicts) / sent.wall_s,
        latency_ms={"p50": float(p50), "p95": float(p95), "p99": float(p99)},
        cache=dict(Counter(verdict.cache for verdict in verdicts)),
        status=dict(Counter(verdict.status for verdict in verdicts)),
        degraded=dict(Counter(stage for verdict in verdicts for stage in verdict.degraded)),
        decided_by=dict(Counter(verdict.decided_by for verdict in verdicts)),
    )


def _differ(outcomes: Sequence[Outcome]) -> bool:
    return len({(v.is_spam, v.action) for v in outcomes if isinstance(v, Verdict)}) > 1
