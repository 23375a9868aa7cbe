"""Shadows see copies, change nothing, and never grow a queue."""

import asyncio
from collections.abc import Sequence

import pytest

from pipeline.observe import Observer
from pipeline.router import Copy
from pipeline.shadow import Comparison, Shadows
from pipeline.types import Assessment, Message, Versions

LIVE = Versions("distilbert/1", *("lightgbm/1",) * 4)
COPY = Copy("spam", "distilbert/2", Versions("distilbert/2", *("lightgbm/1",) * 4))


def message(text: str) -> Message:
    return Message(
        id="m", text=text, sender="", recipient="", tenant="t", policy="moderate", intent="none",
        obfuscated=False, versions=LIVE, received_at=0.0, deadline=0.0,
    )  # fmt: skip


class Drops(Observer):
    def __init__(self) -> None:
        self.count = 0

    def dropped(self, lane: str, why: str) -> None:
        assert (lane, why) == ("shadow", "refused")
        self.count += 1


class World:
    def __init__(self) -> None:
        self.batches: list[list[Message]] = []
        self.found: list[Comparison] = []
        self.drops = Drops()
        self.open = asyncio.Event()
        self.open.set()
        self.heard = asyncio.Event()
        self.shadows = Shadows(self._assess, self._says, self._hear, self.drops)

    def _hear(self, comparison: Comparison) -> None:
        self.found.append(comparison)
        self.heard.set()

    async def _assess(self, messages: Sequence[Message]) -> list[Assessment]:
        self.batches.append(list(messages))
        await self.open.wait()
        if any(each.text == "fault" for each in messages):
            raise RuntimeError("a text")
        return [Assessment(0.5, 0.0, 0.0, "NOT_OTP", 0.0, (), "ensemble", "distilbert/2", {}) for _ in messages]

    def _says(self, task: str, message: Message, assessment: Assessment) -> str | None:
        return {"spam": "spam", "none": None}.get(message.text, "ham")

    async def sees(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.found) < count:
                self.heard.clear()
                await self.heard.wait()


async def test_copies_are_answered_by_the_shadow_and_compared():
    world = World()
    for text in ("spam", "hello", "none"):
        world.shadows.offer(message(text), COPY, "ham")
    await world.sees(3)
    assert [(each.live, each.shadow) for each in world.found] == [("ham", "spam"), ("ham", "ham"), ("ham", None)]
    assert {each.versions.spam for batch in world.batches for each in batch} == {"distilbert/2"}


async def test_a_few_at_a_time_and_no_more_than_the_queue_holds():
    world = World()
    world.open.clear()
    for i in range(400):
        world.shadows.offer(message(f"{i}"), COPY, "ham")
        await asyncio.sleep(0)
    assert [len(batch) for batch in world.batches] == [1]
    assert world.drops.count == 400 - 256 - 1
    world.open.set()
    await world.sees(100)
    assert max(len(batch) for batch in world.batches) <= 4
    world.shadows.stop()


async def test_a_shadow_that_fails_is_a_failure_of_its_own(caplog: pytest.LogCaptureFixture):
    world = World()
    world.shadows.offer(message("fault"), COPY, "ham")
    await world.sees(1)
    world.shadows.offer(message("spam"), COPY, "ham")
    await world.sees(2)
    assert [each.shadow for each in world.found] == [None, "spam"]
    assert "a text" not in caplog.text
