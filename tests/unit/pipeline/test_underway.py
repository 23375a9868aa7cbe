import asyncio

from pipeline.underway import Underway


def filled(underway: Underway, gate: asyncio.Event, *tenants: str) -> list[bool]:
    """Whether there was room, for one task after the other."""
    found: list[bool] = []

    async def work() -> None:
        await gate.wait()

    for tenant in tenants:
        found.append(underway.has_room(tenant))
        if found[-1]:
            underway.start(tenant, work())
    return found


async def test_each_tenant_has_room_of_its_own_until_all_is_full() -> None:
    underway, gate = Underway(2, 3), asyncio.Event()
    assert filled(underway, gate, "a", "a", "a", "b", "b") == [True, True, False, True, False]
    gate.set()
    await underway.ended()
    gate.clear()
    assert filled(underway, gate, "a", "a", "b") == [True, True, True]
    underway.cancel()
    await underway.ended()


async def test_a_task_that_fails_or_is_let_go_makes_room() -> None:
    underway = Underway(1)

    async def fail() -> None:
        raise ValueError

    underway.start("a", fail())
    await underway.ended()
    assert underway.has_room("a")
    underway.start("a", asyncio.sleep(60))
    assert not underway.has_room("a")
    underway.cancel()
    await underway.ended()
    assert underway.has_room("a")
