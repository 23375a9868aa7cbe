"""Shadows see copies, change nothing, and never grow a queue."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.errors import Overloaded
from pipeline.flow import Stages
from pipeline.observe import Observer
from pipeline.router import Copy
from pipeline.shadow import Comparison, Shadows, for_copies
from pipeline.types import Assessment, Floats, Message, TokenBatch, Versions

LIVE = Versions("distilbert/1", *("lightgbm/1",) * 4)
COPY = Copy("spam", "distilbert/2", Versions("distilbert/2", *("lightgbm/1",) * 4))


def message(text: str) -> Message:
    return Message(
        id="m", text=text, sender="", recipient="", tenant="t", policy="moderate", intent="none",
        obfuscated=False, versions=LIVE, received_at=0.0, deadline=0.0,
    )  # fmt: skip


class Drops(Observer):
    def __init__(self) -> None:
        self.count = self.seen = 0

    def batch(self, lane: str, size: int, waited_s: float) -> None:
        assert lane == "shadow"
        self.seen += size

    def dropped(self, lane: str, why: str) -> None:
        assert (lane, why) == ("shadow", "refused")
        self.count += 1


class World:
    def __init__(self) -> None:
        self.batches: list[list[Message]] = []
        self.found: list[Comparison] = []
        self.drops = Drops()
        self.degraded: tuple[str, ...] = ()
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
        if any(each.text == "busy" for each in messages):
            raise Overloaded
        return [
            Assessment(0.5, 0.0, 0.0, "NOT_OTP", 0.0, (), "ensemble", "distilbert/2", {}, self.degraded)
            for _ in messages
        ]

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


async def test_copies_that_a_stage_has_no_time_for_are_dropped_and_no_failures():
    world = World()
    for _ in range(3):
        world.shadows.offer(message("busy"), COPY, "ham")
    await asyncio.sleep(0.01)
    world.shadows.offer(message("spam"), COPY, "ham")
    await world.sees(1)
    assert [each.shadow for each in world.found] == ["spam"]
    assert (world.drops.count, world.drops.seen) == (3, 1)


@pytest.mark.parametrize("stage", ["distilbert", "tokenizer"])
async def test_a_transformer_that_gave_no_logit_says_nothing_on_spam_whatever_its_gate_would(stage: str):
    world = World()
    world.degraded = (stage,)
    world.shadows.offer(message("spam"), COPY, "ham")
    world.shadows.offer(message("spam"), Copy("phishing", "lightgbm/2", LIVE), "ham")
    await world.sees(2)
    assert [each.shadow for each in world.found] == [None, "spam"]


class Transformer:
    """Has time for one copy."""

    def __init__(self) -> None:
        self.copies = 0

    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        raise AssertionError("a copy came as if it were live")

    async def score_copies(self, tokens: TokenBatch, versions: list[str]) -> Floats | None:
        self.copies += 1
        return np.ones(len(versions), dtype=np.float32) if self.copies == 1 else None


async def test_copies_reach_the_transformer_as_such_and_its_refusal_is_told():
    live = Stages(*([None] * 3), Transformer())
    stages = for_copies(live)
    tokens = TokenBatch(ids=np.zeros(2, dtype=np.int32), lengths=np.ones(2, dtype=np.int32))
    assert (await stages.transformer.score(tokens, ["distilbert/2"] * 2)).tolist() == [1.0, 1.0]
    with pytest.raises(Overloaded):
        await stages.transformer.score(tokens, ["distilbert/2"] * 2)
    assert isinstance(live.transformer, Transformer)
