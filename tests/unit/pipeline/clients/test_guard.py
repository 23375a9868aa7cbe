import asyncio

import pytest

from pipeline.breaker import Breaker
from pipeline.clients.guard import Guard


class Backend:
    """Answers, fails or hangs, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.hangs = False

    async def ask(self) -> str:
        self.calls += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return "answer"


class Harness:
    def __init__(self) -> None:
        self.now = 0.0
        self.failures: list[tuple[str, str]] = []
        self.backend = Backend()
        self.guard = Guard(
            0.02,
            Breaker(threshold=2, probe_interval_s=1.0),
            lambda operation, reason: self.failures.append((operation, reason)),
            lambda: self.now,
        )

    async def call(self) -> str:
        return await self.guard.call("ask", self.backend.ask, "default")


async def test_an_answer_passes() -> None:
    harness = Harness()
    assert await harness.call() == "answer"
    assert harness.failures == []


@pytest.mark.parametrize("error", [ConnectionError("gone"), ValueError("odd"), TimeoutError(), RuntimeError()])
async def test_any_error_becomes_the_default(error: Exception) -> None:
    harness = Harness()
    harness.backend.error = error
    assert await harness.call() == "default"
    assert harness.failures == [("ask", "timeout" if isinstance(error, TimeoutError) else type(error).__name__)]


async def test_a_hang_becomes_the_default() -> None:
    harness = Harness()
    harness.backend.hangs = True
    assert await harness.call() == "default"
    assert harness.failures == [("ask", "timeout")]


async def test_a_dead_backend_is_left_alone_then_probed_then_used() -> None:
    harness = Harness()
    harness.backend.error = ConnectionError()
    for _ in range(5):
        assert await harness.call() == "default"
    assert harness.backend.calls == 2
    assert harness.failures[2:] == [("ask", "open")] * 3
    harness.backend.error = None
    harness.now = 1.0
    assert [await harness.call() for _ in range(2)] == ["answer", "answer"]
    assert harness.guard.state == "closed"


async def test_a_caller_who_leaves_is_no_failure() -> None:
    harness = Harness()
    harness.backend.hangs = True
    for _ in range(3):
        task = asyncio.create_task(harness.call())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert harness.failures == []
    assert harness.guard.state == "closed"
