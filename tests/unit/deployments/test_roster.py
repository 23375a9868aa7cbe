"""Traffic goes to a version once every replica holds it, and stays there."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from configs.settings import Settings
from deployments.catalogue import Catalogue
from deployments.roster import Roster
from pipeline.clients.fleet import Fleet
from pipeline.directory import Changes, Directory
from pipeline.errors import Unavailable
from pipeline.readiness import Holdings
from pipeline.router import Router
from pipeline.routing import Experiment

OLD, NEW = "distilbert/4", "distilbert/3"


class Replicas(Fleet):
    """Told what they hold; may be away."""

    def __init__(self) -> None:
        self.held: dict[str, list[dict[str, str]]] = {
            stage: [{OLD: "ready", "lightgbm/2": "ready"}] for stage in ("DistilBert", "Tokenizer", "LightGbm")
        }
        self.away = False

    async def holdings(self) -> Holdings:
        if self.away:
            raise Unavailable("the database does not answer")
        return self.held

    def load(self, ref: str, *stages: str, state: str = "ready") -> None:
        for stage in stages or self.held:
            for replica in self.held[stage]:
                replica[ref] = state


class World:
    def __init__(self) -> None:
        self.replicas = Replicas()
        catalogue = Catalogue(Settings())
        self.router = Router(catalogue.defaults, catalogue.partner)
        self.roster = Roster(catalogue, self.router, self.replicas)
        self.directory = Directory()

    def set(self, *experiments: Experiment) -> None:
        self.directory = self.directory.apply(Changes(experiments=experiments))
        self.roster.adopt(self.directory)

    @property
    def arm(self) -> str:
        return self.router.route("+1", "", "m").versions.spam


Run = Callable[[Callable[[World], Awaitable[None]]], Awaitable[None]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("deployments.roster._POLL_S", 0.01)

    async def running(work: Callable[[World], Awaitable[None]]) -> None:
        world = World()
        world.roster.start()
        try:
            async with asyncio.timeout(20):
                await work(world)
        finally:
            await world.roster.stop()

    return running


def all_to(ref: str, revision: int = 1) -> Experiment:
    return Experiment("spam", {OLD: 0.0, ref: 1.0}, "sender", "salt", revision)


async def becomes(world: World, ref: str) -> None:
    for _ in range(2_000):
        if world.arm == ref:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{world.arm} answers")


async def test_a_version_waits_for_every_stage_and_every_replica(run: Run) -> None:
    async def work(world: World) -> None:
        world.replicas.held["DistilBert"].append({})
        world.set(all_to(NEW))
        world.replicas.load(NEW, "Tokenizer", "LightGbm")
        world.replicas.held["DistilBert"][0][NEW] = "ready"
        await asyncio.sleep(0.1)
        assert world.arm == OLD
        assert world.roster.states([OLD, NEW]) == {OLD: "ready", NEW: "loading on 1 of 2 replicas of DistilBert"}
        world.replicas.load(NEW, "DistilBert")
        await becomes(world, NEW)

    await run(work)


async def test_what_was_ready_stays_so_whoever_comes_or_goes(run: Run) -> None:
    async def work(world: World) -> None:
        world.replicas.load(NEW)
        world.set(all_to(NEW))
        await becomes(world, NEW)
        world.replicas.held = {}
        await asyncio.sleep(0.05)
        world.replicas.away = True
        world.set(all_to(NEW, 2))
        await asyncio.sleep(0.05)
        assert world.arm == NEW

    await run(work)


async def test_new_weights_of_ready_versions_hold_at_once(run: Run) -> None:
    async def work(world: World) -> None:
        world.replicas.load(NEW)
        world.set(all_to(NEW))
        await becomes(world, NEW)
        world.set(all_to(OLD, 2))
        assert world.arm == OLD

    await run(work)


async def test_a_version_that_nobody_can_load_gets_nothing_and_says_why(run: Run) -> None:
    async def work(world: World) -> None:
        world.replicas.load(NEW, "DistilBert", state="model.onnx of distilbert/3 does not match its checksum")
        world.replicas.load(NEW, "Tokenizer", "LightGbm")
        world.set(all_to(NEW))
        await world.roster.settled()
        assert world.arm == OLD
        assert "does not match" in world.roster.states([NEW])[NEW]
        world.set(all_to("distilbert/77", 2))
        await world.roster.settled()
        assert world.arm == OLD
        assert "no model version" in world.roster.states(["distilbert/77"])["distilbert/77"]

    await run(work)


async def test_what_is_in_force_answers_until_the_version_that_was_promoted_is_loaded(run: Run) -> None:
    """Not the default of the settings, which may be long forgotten."""

    async def work(world: World) -> None:
        world.replicas.load(NEW)
        world.set(all_to(NEW))
        await becomes(world, NEW)
        world.set(Experiment("spam", {"distilbert/77": 1.0}, "sender", "salt", 2))
        await world.roster.settled()
        route = world.router.route("+1", "", "m")
        assert (route.versions.spam, route.arms) == (NEW, {"spam": (NEW, 1)})
        world.set(Experiment("spam", {}, "sender", "salt", 3))
        assert world.arm == OLD

    await run(work)


async def test_a_version_that_a_new_replica_cannot_load_loses_its_traffic_to_the_other_arm(run: Run) -> None:
    async def work(world: World) -> None:
        world.replicas.load(NEW)
        world.set(Experiment("spam", {OLD: 1e-9, NEW: 1.0}, "sender", "salt", 1))
        await becomes(world, NEW)
        world.replicas.held["DistilBert"].append({OLD: "ready", NEW: "does not match its checksum"})
        await becomes(world, OLD)
        world.replicas.held["DistilBert"].pop()
        await becomes(world, NEW)

    await run(work)


async def test_a_version_that_answers_alone_keeps_its_traffic(run: Run) -> None:
    async def work(world: World) -> None:
        world.replicas.load(NEW)
        world.set(all_to(NEW))
        await becomes(world, NEW)
        world.replicas.held["DistilBert"].append({OLD: "ready", NEW: "does not match its checksum"})
        await asyncio.sleep(0.1)
        assert world.arm == NEW

    await run(work)


async def test_a_stage_that_nobody_has_heard_of_is_waited_for(run: Run) -> None:
    async def work(world: World) -> None:
        held, world.replicas.held = world.replicas.held, {}
        world.set(all_to(NEW))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.roster.settled(), 0.2)
        world.replicas.held = held
        world.replicas.load(NEW)
        await world.roster.settled()

    await run(work)


async def test_it_goes_on_after_whatever_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(world: World) -> None:
        with monkeypatch.context() as broken:

            async def fail() -> Holdings:
                raise OSError("the disk")

            broken.setattr(world.replicas, "holdings", fail)
            world.replicas.load(NEW)
            world.set(all_to(NEW))
            await asyncio.sleep(0.05)
            assert world.arm == OLD
        await becomes(world, NEW)

    await run(work)


async def test_it_is_not_settled_while_something_is_loading(run: Run) -> None:
    async def work(world: World) -> None:
        world.set(all_to(NEW))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.roster.settled(), 0.2)
        world.replicas.load(NEW)
        await world.roster.settled()
        assert world.arm == NEW

    await run(work)
