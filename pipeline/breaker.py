"""A circuit breaker: after repeated failures the backend is left alone, but for one probe now and then."""

from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """Closed: all calls pass. Open: none. Half-open: one call, the probe, is on its way and decides.

    Times are seconds on any clock that only goes forward. A probe whose outcome never arrives (its caller was
    cancelled) is replaced after another interval, so that the breaker cannot get stuck.
    """

    def __init__(self, *, threshold: int = 5, probe_interval_s: float = 1.0) -> None:
        self._threshold = threshold
        self._probe_interval_s = probe_interval_s
        self._failures = 0
        self._next_probe = 0.0
        self.state: BreakerState = "closed"

    def refuses(self, now: float) -> bool:
        """Whether no call may be made now, for those who have something else to do before one."""
        return self.state != "closed" and now < self._next_probe

    def allow(self, now: float) -> bool:
        """Whether a call may be made now; the caller then owes `success` or `failure`."""
        if self.state == "closed":
            return True
        if self.refuses(now):
            return False
        self.state = "half_open"
        self._next_probe = now + self._probe_interval_s
        return True

    def success(self) -> None:
        self.state = "closed"
        self._failures = 0

    def failure(self, now: float) -> None:
        self._failures += 1
        if self.state == "open":  # a straggler that was sent before it opened: it must not put off the probe
            return
        if self.state == "half_open" or self._failures >= self._threshold:
            self.state = "open"
            self._next_probe = now + self._probe_interval_s
