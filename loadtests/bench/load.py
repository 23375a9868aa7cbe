"""What the load generator is asked for, and what it found."""

from collections.abc import Sequence

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run against one path. Every body is sent once, in order."""

    port: int
    path: str
    headers: dict[str, str] = {}
    bodies: list[str]  #: JSON texts
    connections: int  #: closed loop: that many; open loop: at most that many
    rate: float | None = None  #: arrivals a second of a Poisson process; None: closed loop
    seed: int = 0  #: of the arrivals
    marker: str = '"spam_score"'  #: stands in every answer of status 200 ...
    markers: int = 1  #: ... that often
    samples: int = 5  #: the first answers, which are read as JSON
    complete: bool = False  #: whether those must say `"status": "complete"`
    patience_s: float = 30.0  #: without any answer, once all is sent or in motion; then the rest counts as unanswered


class Timing(msgspec.Struct, frozen=True):
    """Milliseconds from the send (open loop: from the scheduled arrival) to the last byte of the answer."""

    count: int
    p50: float
    p95: float
    p99: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    requests: int
    seconds: float  #: first send to last answer
    timings: dict[str, Timing]  #: by status
    from_send: dict[str, Timing] = {}  #: the same from the send: without what the generator itself was late
    retry_after: dict[str, int]  #: answers with Retry-After, by status
    errors: dict[str, int]  #: what went wrong, by kind
    connections: int  #: opened at most at once
    late_p99_ms: float  #: open loop: how far the generator itself was behind its schedule
    ended: float  #: Unix time of the last send

    @property
    def answered(self) -> int:
        """Requests with status 200."""
        return self.timings["200"].count if "200" in self.timings else 0

    @property
    def rate(self) -> float:
        """Answers of status 200 a second."""
        return self.answered / self.seconds

    @property
    def accepted(self) -> Timing:
        return self.timings.get("200", Timing(0, 0.0, 0.0, 0.0))


def timing(seconds: Sequence[float]) -> Timing:
    """Percentiles (nearest rank) of latencies; at least one."""
    ordered = sorted(seconds)

    def at(percent: int) -> float:
        return 1000 * ordered[min(len(ordered) - 1, max(0, -(-percent * len(ordered) // 100) - 1))]

    return Timing(len(ordered), at(50), at(95), at(99))
