"""Intents that follow later: asked once, kept for their tenant alone, told once."""

import asyncio

import pytest

from pipeline.errors import NotFound, Unavailable
from pipeline.keys import Keys
from pipeline.later import Later, LaterIntent
from pipeline.types import Assessment, Message, Versions
from pipeline.verdicts import Intent

ASSESSMENT = Assessment(0.1, 0.1, 0.9, "APP_LOGIN_OTP", 0.4, (), "gate", "lightgbm/2", {})


def message(tenant: str = "bank") -> Message:
    return Message(
        id="gw-1", text="Your code is 123456", sender="", recipient="", tenant=tenant, policy="moderate",
        intent="async", obfuscated=False, versions=Versions("distilbert/4", *("lightgbm/2",) * 4),
        received_at=0.0, deadline=0.0,
    )  # fmt: skip


class Shelf:
    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self.away = False

    async def get_many(self, keys):
        return [None if self.away else self.kept.get(key) for key in keys]

    async def set_many(self, items, ttl_s):
        assert ttl_s == 3600
        if not self.away:
            self.kept.update(items)


class World:
    def __init__(self, most: int = 10) -> None:
        self.shelf = Shelf()
        self.told: list[tuple[str, LaterIntent]] = []
        self.heard = asyncio.Event()
        self.open = asyncio.Event()
        self.fault: Exception | None = None
        self.asked = 0
        self.later = self.replica(most)

    def replica(self, most: int = 10) -> Later:
        return Later(self._ask, self._deliver, self.shelf, Keys("secret"), most=most)

    async def _ask(self, message: Message, assessment: Assessment) -> Intent:
        self.asked += 1
        await self.open.wait()
        if self.fault:
            raise self.fault
        return Intent("UPI_TXN_OR_PIN_OTP", "groq")

    def _deliver(self, tenant: str, intent: LaterIntent) -> None:
        self.told.append((tenant, intent))
        self.heard.set()

    async def finish(self) -> None:
        self.open.set()
        await asyncio.wait_for(self.heard.wait(), 5)


async def test_pending_then_done_and_told_once():
    world = World()
    asked = await world.later.begin(message(), ASSESSMENT)
    assert await world.later.find("bank", asked) == LaterIntent(asked, "gw-1", "pending")
    await world.finish()
    done = LaterIntent(asked, "gw-1", "done", "UPI_TXN_OR_PIN_OTP", "groq")
    assert await world.later.find("bank", asked) == done
    assert world.told == [("bank", done)]


async def test_another_replica_finds_it_and_another_tenant_does_not():
    world = World()
    asked = await world.later.begin(message(), ASSESSMENT)
    await world.finish()
    assert (await world.replica().find("bank", asked)).status == "done"
    for tenant, intent_id in (("shop", asked), ("bank", "made up")):
        with pytest.raises(NotFound):
            await world.later.find(tenant, intent_id)


async def test_what_is_kept_holds_no_text():
    world = World()
    await world.later.begin(message(), ASSESSMENT)
    await world.finish()
    assert world.shelf.kept
    assert not any(b"123456" in raw or b"code" in raw for raw in world.shelf.kept.values())


async def test_the_replica_remembers_while_the_shelf_is_away():
    world = World()
    world.shelf.away = True
    asked = await world.later.begin(message(), ASSESSMENT)
    await world.finish()
    assert (await world.later.find("bank", asked)).status == "done"


async def test_a_fault_leaves_it_to_the_local_model():
    world = World()
    world.fault = Unavailable("down")
    asked = await world.later.begin(message(), ASSESSMENT)
    await world.finish()
    found = await world.later.find("bank", asked)
    assert (found.status, found.otp_intent, found.intent_source) == ("done", "APP_LOGIN_OTP", "lightgbm")


async def test_beyond_the_bound_nobody_waits():
    world = World(most=1)
    first = await world.later.begin(message(), ASSESSMENT)
    second = await world.later.begin(message(), ASSESSMENT)
    await asyncio.wait_for(world.heard.wait(), 5)
    assert (await world.later.find("bank", second)).intent_source == "lightgbm"
    assert (await world.later.find("bank", first)).status == "pending"
    assert world.asked == 1
    world.later.stop()


async def test_one_tenant_leaves_room_for_others():
    world = World(most=10)
    of_one = [await world.later.begin(message(), ASSESSMENT) for _ in range(8)]
    other = await world.later.begin(message("shop"), ASSESSMENT)
    asked = [(await world.later.find("bank", each)).status == "pending" for each in of_one]
    assert asked == [True] * 5 + [False] * 3
    assert (await world.later.find("shop", other)).status == "pending"
    world.later.stop()


async def test_what_is_answered_makes_room():
    world = World(most=1)
    first = await world.later.begin(message(), ASSESSMENT)
    await world.finish()
    second = await world.later.begin(message(), ASSESSMENT)
    world.heard.clear()
    await world.finish()
    sources = [(await world.later.find("bank", each)).intent_source for each in (first, second)]
    assert sources == ["groq", "groq"]
