"""The figures of an evaluation set: how right the answers were, how fast they came, and from where."""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np

from deployments.evaluation import Outcome, Pass
from pipeline.errors import WinnowError
from pipeline.types import Verdict
from training.evaluation.figures import intent_figures, qualities, task_figures
from training.evaluation.groups import groups
from training.evaluation.judged import Judged, answered, judge
from training.evaluation.results import SetResult, Traffic
from training.examples import Example


def judge_all(name: str, messages: Sequence[Example], outcomes: Sequence[Outcome]) -> list[Judged]:
    """Labels beside answers, one a message, in order.

    Raises:
        WinnowError: the first one met, when no message was answered at all.
    """
    if not any(isinstance(outcome, Verdict) for outcome in outcomes):
        raise next(outcome for outcome in outcomes if isinstance(outcome, WinnowError))
    return [judge(name, i, *pair) for i, pair in enumerate(zip(messages, outcomes, strict=True))]


def report(name: str, messages: Sequence[Example], judged: Sequence[Judged], passes: Sequence[Pass]) -> SetResult:
    """The figures of one set.

    Args:
        name: of the set.
        messages: it.
        judged: of the first pass.
        passes: all of them.
    """
    rows = answered(judged)
    return SetResult(
        name=name,
        digest=digest(message.text for message in messages),
        rows=len(messages),
        positives=sum(message.spam is True for message in messages),
        quality=qualities(rows),
        traffic=[_traffic(each) for each in passes],
        differing=sum(_differ(outcomes) for outcomes in zip(*(each.outcomes for each in passes), strict=True)),
        tasks=task_figures(rows),
        intents=intent_figures(rows),
        groups=groups(rows),
    )


def digest(texts: Iterable[str]) -> str:
    """Tells whether two sets hold the same texts in the same order; no text can be read from it."""
    found = blake2b(digest_size=16)
    for text in texts:
        found.update(text.encode(errors="surrogatepass") + b"\0")
    return found.hexdigest()


def versions(passes: Iterable[Pass]) -> dict[str, str]:
    """Task to the versions that took part in any answer."""
    found: dict[str, set[str]] = {}
    for outcome in (outcome for each in passes for outcome in each.outcomes):
        if isinstance(outcome, Verdict):
            for task, ref in outcome.models.items():
                found.setdefault(task, set()).add(ref)
    return {task: ", ".join(sorted(refs)) for task, refs in sorted(found.items())}


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
        per_message=sent.per_message,
    )


def _differ(outcomes: Sequence[Outcome]) -> bool:
    return len({(v.is_spam, v.action) for v in outcomes if isinstance(v, Verdict)}) > 1
