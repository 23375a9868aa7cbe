"""How long messages took that were sent one after another."""

from collections import Counter

import msgspec
import numpy as np

from deployments.evaluation import Outcome, Pass
from pipeline.errors import WinnowError


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one benchmark; milliseconds of a message, from the request to its verdict."""

    inferences: int  #: messages sent
    failed: dict[str, int]  #: those without a complete verdict, by the error's code or the verdict's status
    cached: int  #: verdicts that no model was asked for
    min_ms: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    messages_per_s: float


def latency(sent: Pass) -> Latency:
    """The figures of a pass of one message a request, failures included."""
    milliseconds = np.array(sent.seconds) * 1000
    least, p50, p95, p99, most = (float(each) for each in np.percentile(milliseconds, (0, 50, 95, 99, 100)))
    return Latency(
        inferences=len(sent.outcomes),
        failed=dict(Counter(why for outcome in sent.outcomes if (why := failure(outcome)))),
        cached=sum(is_cached(outcome) for outcome in sent.outcomes),
        min_ms=least,
        mean_ms=float(milliseconds.mean()),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=most,
        messages_per_s=len(sent.seconds) / sent.wall_s,
    )


def failure(outcome: Outcome) -> str:
    """Why a message has no complete verdict: an error's code, or a status; "" where it has one."""
    if isinstance(outcome, WinnowError):
        return outcome.code
    return "" if outcome.status == "complete" else outcome.status


def is_cached(outcome: Outcome) -> bool:
    """Whether the verdict came from a cache, or was shared with an equal message."""
    return not isinstance(outcome, WinnowError) and outcome.cache != "miss"
