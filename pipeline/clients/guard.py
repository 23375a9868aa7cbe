"""Calls to a backend that may be down: bounded in time, never raising, leaving a dead backend alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipeline.breaker import Breaker, BreakerState

T = TypeVar("T")

#: Called with the operation and the reason: "open" (not tried), "timeout" or the class of the error.
FailureHook = Callable[[str, str], None]


def ignore_failure(operation: str, reason: str) -> None:
    """The hook of those who do not count."""


class Guard:
    """Runs calls under a timeout and a breaker; a call that fails answers with its default."""

    def __init__(
        self,
        timeout_s: float,
        breaker: Breaker,
        on_failure: FailureHook = ignore_failure,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._on_failure = on_failure
        self._clock = clock

    @property
    def state(self) -> BreakerState:
        return self._breaker.state

    async def call(self, operation: str, attempt: Callable[[], Awaitable[T]], default: T) -> T:
        if not self._breaker.allow(self._clock()):
            self._on_failure(operation, "open")
            return default
        try:
            async with asyncio.timeout(self._timeout_s):
                result = await attempt()
        except TimeoutError:
            return self._failed(operation, "timeout", default)
        except Exception as error:  # drivers raise more kinds than they document; the hook tells which
            return self._failed(operation, type(error).__name__, default)
        self._breaker.success()
        return result

    def _failed(self, operation: str, reason: str, default: T) -> T:
        self._breaker.failure(self._clock())
        self._on_failure(operation, reason)
        return default
