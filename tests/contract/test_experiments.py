"""Experiments and their trail on a real Postgres."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pipeline.clients.experiments import Experiments
from pipeline.clients.postgres import Database
from pipeline.errors import Conflict, InvalidField, NotFound
from pipeline.guardrails import Limits, Step
from pipeline.ramps import Ramp
from pipeline.routing import Experiment
from pipeline.trail import Setup
from tests.support.database import forget_experiments

RAMP = Ramp("m/2", (Step(0.01, 60.0, 10, 2, margin=0.01), Step(0.25), Step(1.0)), Limits(p99_ms=90.0))


@pytest.fixture
async def experiments(database: Database) -> Experiments:
    """None are left of other tests."""
    await forget_experiments(database)
    return Experiments(database)


async def test_an_experiment_keeps_its_salt_and_counts_revisions(experiments: Experiments) -> None:
    first = await experiments.put("spam", Setup({"m/1": 90, "m/2": 10}), who="ann", why="try 2", expected_revision=0)
    setup = Setup({"m/1": 50, "m/2": 50, "m/3": 1}, "sender", {"m/4": 0.1})
    second = await experiments.put("spam", setup, who="bob", expected_revision=1)
    began = {"m/2": 1, "m/3": 2}
    assert second == Experiment("spam", setup.arms, "sender", first.salt, 2, setup.shadow, "m/1", began)
    assert await experiments.get("spam") == second
    assert await experiments.all() == [second]
    assert len(first.salt) == 16


async def test_a_ramp_comes_back_whole(experiments: Experiments) -> None:
    await experiments.put("spam", Setup({"m/1": 1}), who="ann")
    ramped = await experiments.start_ramp("spam", RAMP, who="ann", sticky_by="message")
    assert ramped.ramp and (ramped.ramp.steps, ramped.ramp.limits) == (RAMP.steps, RAMP.limits)
    assert (ramped.arms, ramped.ramp.step) == ({"m/1": 0.99, "m/2": 0.01}, 0)
    assert await experiments.get("spam") == ramped
    (change, _) = await experiments.history("spam")
    assert (change.act, change.after.ramp, change.after.control) == ("ramp", ramped.ramp, "m/1")


async def test_steps_are_timed_by_the_clock_of_postgres(
    experiments: Experiments, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host whose clock is wrong neither skips a step's time nor prolongs it."""
    monkeypatch.setattr("time.time", lambda: 1_000.5)
    async with database.connection() as connection:
        begun = await connection.fetchval("select extract(epoch from clock_timestamp())::float8")
    await experiments.put("spam", Setup({"m/1": 1}), who="ann")
    first = await experiments.start_ramp("spam", RAMP, who="ann")
    second = await experiments.advance("spam", 1, why="seen enough", revision=first.revision)
    async with database.connection() as connection:
        ended = await connection.fetchval("select extract(epoch from clock_timestamp())::float8")
    assert first.ramp and second and second.ramp
    assert begun <= first.ramp.since <= second.ramp.since <= ended


async def test_every_change_leaves_a_trail(experiments: Experiments) -> None:
    await experiments.put("spam", Setup({"m/1": 1}), who="ann", why="start")
    await experiments.put("spam", Setup({"m/2": 1}, "message"), who="bob", why="switch")
    await experiments.end("spam", who="eve", why="enough")
    newest, middle, oldest = await experiments.history("spam")
    one, two = Setup({"m/1": 1}, control="m/1"), Setup({"m/2": 1}, "message", control="m/2")
    assert [(each.revision, each.changed_by, each.why, each.act) for each in (oldest, middle, newest)] == [
        (1, "ann", "start", "set"),
        (2, "bob", "switch", "set"),
        (3, "eve", "enough", "end"),
    ]
    assert [(each.before, each.after) for each in (oldest, middle, newest)] == [
        (None, one),
        (one, two),
        (two, Setup({}, "message")),
    ]
    assert await experiments.history("spam", limit=1) == [newest]


async def test_a_trail_from_before_controls_is_read(experiments: Experiments, database: Database) -> None:
    await experiments.put("spam", Setup({"m/1": 1}), who="ann")
    async with database.connection() as connection:
        await connection.execute(
            'update experiment_changes set after = \'{"arms": {"m/1": 1}, "sticky_by": "sender", "shadow": {}}\''
        )
    (change,) = await experiments.history("spam")
    assert (change.after, change.act) == (Setup({"m/1": 1}), "set")
    with pytest.raises(NotFound):
        await experiments.rollback("spam", who="ann")
    await experiments.promote("spam", "m/2", who="ann")
    assert (await experiments.rollback("spam", who="ann")).arms == {"m/1": 1.0}


async def test_an_ended_experiment_is_none_until_the_next_which_goes_on_from_it(experiments: Experiments) -> None:
    first = await experiments.put("spam", Setup({"m/1": 1, "m/2": 1}), who="ann")
    await experiments.end("spam", who="ann", expected_revision=1)
    assert await experiments.all() == []
    for gone in (experiments.get("spam"), experiments.end("spam", who="ann"), experiments.rollback("spam", who="ann")):
        with pytest.raises(NotFound, match="no experiment for spam"):
            await gone
    again = await experiments.put("spam", Setup({"m/1": 1, "m/2": 1}), who="ann", expected_revision=0)
    assert (again.salt, again.revision, again.began) == (first.salt, 3, {"m/2": 3})


async def test_promotions_are_rolled_back_one_by_one_down_to_the_default(experiments: Experiments) -> None:
    await experiments.put("otp", Setup({"m/1": 1}), who="ann", default="m/0")
    await experiments.promote("otp", "m/2", who="ann")
    await experiments.put("otp", Setup({"m/2": 50, "m/3": 50}), who="ann")
    await experiments.promote("otp", "m/3", who="ann")
    found = []
    for _ in range(3):
        old, earlier = await experiments.before_rollback("otp", "m/0")
        back = await experiments.rollback("otp", who="bob", default="m/0")
        assert (back.arms, back.control, back.revision) == ({earlier: 1.0}, earlier, old.revision + 1)
        found.append(back.control)
    assert found == ["m/2", "m/1", "m/0"]
    with pytest.raises(NotFound, match="no promotion before it"):
        await experiments.rollback("otp", who="bob", default="m/0")


async def test_a_rollback_goes_to_the_control_first(experiments: Experiments) -> None:
    await experiments.put("spam", Setup({"m/1": 1}), who="ann")
    await experiments.promote("spam", "m/2", who="ann")
    await experiments.put("spam", Setup({"m/2": 10, "m/3": 90}), who="ann")
    assert (await experiments.before_rollback("spam"))[1] == ""
    assert (await experiments.rollback("spam", who="bob")).arms == {"m/2": 1.0, "m/3": 0.0}
    assert (await experiments.rollback("spam", who="bob")).arms == {"m/1": 1.0}


async def test_the_steward_advances_and_stops_at_the_revision_that_it_decided_on(experiments: Experiments) -> None:
    await experiments.put("spam", Setup({"m/1": 1}), who="ann")
    await experiments.start_ramp("spam", RAMP, who="ann")
    advanced = await experiments.advance("spam", 1, why="calm", revision=2)
    assert advanced and (advanced.arms, advanced.began) == ({"m/1": 0.75, "m/2": 0.25}, {"m/2": 2})
    assert await experiments.advance("spam", 2, why="calm", revision=2) is None
    assert await experiments.stop("spam", "m/2", why="too slow", revision=2) is None
    assert await experiments.get("spam") == advanced
    stopped = await experiments.stop("spam", "m/2", why="alarms", revision=3)
    assert stopped and (stopped.arms, stopped.ramp) == ({"m/1": 1.0, "m/2": 0.0}, None)
    last, before, *_ = await experiments.history("spam")
    assert (last.changed_by, last.act, last.why) == ("guardrail", "stop", "alarms")
    assert (before.changed_by, before.act, before.why) == ("ramp", "advance", "calm")


async def test_a_refused_change_leaves_nothing(experiments: Experiments) -> None:
    first = await experiments.put("spam", Setup({"m/1": 1}), who="ann")
    with pytest.raises(InvalidField):
        await experiments.put("spam", Setup({"m/1": 1}, control="m/2"), who="ann")
    with pytest.raises(NotFound):
        await experiments.advance("spam", 1, why="", revision=1)
    with pytest.raises(InvalidField):
        await experiments.start_ramp("spam", Ramp("m/1"), who="ann")
    assert await experiments.get("spam") == first
    assert len(await experiments.history("spam")) == 1


Change = Callable[[Experiments, int], Awaitable[object]]
CHANGES: dict[str, Change] = {
    "put": lambda each, seen: each.put("spam", Setup({"m/1": 3}), who="bob", expected_revision=seen),
    "end": lambda each, seen: each.end("spam", who="bob", expected_revision=seen),
    "promote": lambda each, seen: each.promote("spam", "m/3", who="bob", expected_revision=seen),
    "rollback": lambda each, seen: each.rollback("spam", who="bob", expected_revision=seen),
    "ramp": lambda each, seen: each.start_ramp("spam", RAMP, who="bob", expected_revision=seen),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_who_comes_late_is_told(experiments: Experiments, change: Change) -> None:
    await experiments.put("spam", Setup({"m/1": 1}), who="ann")
    current = await experiments.put("spam", Setup({"m/1": 1, "m/2": 1}, control="m/1"), who="ann")
    for seen in (0, 1):
        with pytest.raises(Conflict, match=f"revision 2, not {seen}"):
            await change(experiments, seen)
    assert await experiments.get("spam") == current


async def test_of_two_engineers_at_once_one_is_told(experiments: Experiments) -> None:
    await experiments.put("spam", Setup({"m/1": 1, "m/2": 1}, control="m/1"), who="ann")
    made = await asyncio.gather(*(change(experiments, 1) for change in CHANGES.values()), return_exceptions=True)
    assert sum(isinstance(each, Experiment) for each in made) == 1
    assert sum(isinstance(each, Conflict) for each in made) == len(made) - 1
    assert (await experiments.history("spam"))[0].revision == 2


async def test_the_first_experiment_of_a_task_is_made_once(experiments: Experiments) -> None:
    firsts = (experiments.put("otp", Setup({"m/1": i}), who="x", expected_revision=0) for i in range(1, 5))
    made = await asyncio.gather(*firsts, return_exceptions=True)
    assert sorted(type(each).__name__ for each in made) == ["Conflict"] * 3 + ["Experiment"]


async def test_changes_at_once_come_one_after_the_other(experiments: Experiments) -> None:
    made = await asyncio.gather(*(experiments.put("spam", Setup({"m/1": i}), who=f"{i}") for i in range(1, 7)))
    assert sorted(experiment.revision for experiment in made) == [1, 2, 3, 4, 5, 6]
    assert len({experiment.salt for experiment in made}) == 1
    trail = await experiments.history("spam")
    assert [change.before for change in trail] == [*(change.after for change in trail[1:]), None]


async def test_an_unknown_experiment_is_named(experiments: Experiments) -> None:
    with pytest.raises(NotFound, match="intent"):
        await experiments.get("intent")
    with pytest.raises(NotFound, match="intent"):
        await experiments.before_rollback("intent")
    assert await experiments.history("intent") == []


async def test_tasks_are_changed_apart(experiments: Experiments) -> None:
    spam = await experiments.put("spam", Setup({"m/1": 1}), who="ann")
    otp = await experiments.put("otp", Setup({"m/1": 1}), who="ann")
    assert await experiments.all() == [otp, spam]
    assert spam.salt != otp.salt
