"""The stand-in in a process of its own, asked by the client that serves."""

import os

import pytest

from loadtests.lane.stand_in import LABEL, Remote, standing_in
from pipeline.breaker import Breaker
from pipeline.clients.groq_intent import GroqIntent

KEY = "a key of the test's own"


async def ask(stand_in: Remote, key: str = KEY, budget_s: float = 5.0) -> tuple[list[str | None], list[str]]:
    """Labels, and how the questions ended."""
    outcomes: list[str] = []
    client = GroqIntent(key, base_url=stand_in.url, breaker=Breaker(threshold=99), on_outcome=outcomes.append)
    try:
        return await client.classify(["Your code is 482913"], ["BANK"], [budget_s]), outcomes
    finally:
        await client.close()


async def test_each_mood_is_what_it_says_and_what_was_received_is_told() -> None:
    with standing_in(KEY) as stand_in:
        assert await ask(stand_in) == ([LABEL], ["ok"])
        (call,) = stand_in.switch("hanging")
        assert "[BANK]" in call.message
        assert "482913" not in call.message
        assert await ask(stand_in, budget_s=0.3) == ([None], ["timeout"])
        assert len(stand_in.switch("limiting", 30.0)) == 1
        assert await ask(stand_in) == ([None], ["rate_limited"])
        assert len(stand_in.switch("failing")) == 1  # told to wait, it does not ask twice
        assert await ask(stand_in) == ([None], ["InternalServerError"])
        assert len(stand_in.switch("healthy")) == 2
        assert await ask(stand_in) == ([LABEL], ["ok"])


async def test_a_wrong_key_is_no_call() -> None:
    with standing_in(KEY) as stand_in:
        assert await ask(stand_in, key="another") == ([None], ["AuthenticationError"])
        assert stand_in.switch("healthy") == []


@pytest.mark.parametrize("mood", ["healthy", "hanging"])
async def test_it_ends_with_its_block_however_it_was(mood: str) -> None:
    with standing_in(KEY) as stand_in:
        stand_in.switch(mood)  # type: ignore[arg-type]
        await ask(stand_in, budget_s=0.3)
        process = stand_in.process_id
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
