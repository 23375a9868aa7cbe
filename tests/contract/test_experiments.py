"""Experiments and their trail on a real Postgres."""

import asyncio

import pytest

from pipeline.clients.experiments import Experiments, Setup
from pipeline.clients.postgres import Database
from pipeline.errors import Conflict, NotFound
from pipeline.routing import Experiment


async def test_an_experiment_keeps_its_salt_and_counts_revisions(database: Database, unique: str) -> None:
    experiments = Experiments(database)
    first = await experiments.put(unique, Setup({"m/1": 90, "m/2": 10}), who="ann", why="try 2", expected_revision=0)
    second = await experiments.put(
        unique, Setup({"m/1": 50, "m/2": 50}, "recipient", {"m/3": 0.1}), who="bob", expected_revision=1
    )
    assert second == Experiment(unique, {"m/1": 50, "m/2": 50}, "recipient", first.salt, 2, {"m/3": 0.1})
    assert await experiments.get(unique) == second
    assert second in await experiments.all()
    assert len(first.salt) == 16


async def test_every_change_leaves_a_trail(database: Database, unique: str) -> None:
    experiments = Experiments(database)
    one, two = Setup({"m/1": 1}), Setup({"m/2": 1}, "message")
    await experiments.put(unique, one, who="ann", why="start")
    await experiments.put(unique, two, who="bob", why="switch")
    newest, oldest = await experiments.history(unique)
    assert (newest.revision, newest.changed_by, newest.why, newest.before, newest.after) == (
        2,
        "bob",
        "switch",
        one,
        two,
    )
    assert (oldest.revision, oldest.changed_by, oldest.why, oldest.before, oldest.after) == (
        1,
        "ann",
        "start",
        None,
        one,
    )
    assert await experiments.history(unique, limit=1) == [newest]


async def test_who_comes_late_is_told(database: Database, unique: str) -> None:
    experiments = Experiments(database)
    await experiments.put(unique, Setup({"m/1": 1}), who="ann")
    await experiments.put(unique, Setup({"m/1": 2}), who="ann")
    with pytest.raises(Conflict, match="revision 2, not 1"):
        await experiments.put(unique, Setup({"m/1": 3}), who="bob", expected_revision=1)
    assert (await experiments.get(unique)).arms == {"m/1": 2}


async def test_changes_at_once_come_one_after_the_other(database: Database, unique: str) -> None:
    experiments = Experiments(database)
    made = await asyncio.gather(*(experiments.put(unique, Setup({"m/1": i}), who=f"{i}") for i in range(1, 7)))
    assert sorted(experiment.revision for experiment in made) == [1, 2, 3, 4, 5, 6]
    assert len({experiment.salt for experiment in made}) == 1
    trail = await experiments.history(unique)
    assert [change.before for change in trail] == [*(change.after for change in trail[1:]), None]


async def test_an_unknown_experiment_is_named(database: Database, unique: str) -> None:
    with pytest.raises(NotFound, match=unique):
        await Experiments(database).get(unique)
    assert await Experiments(database).history(unique) == []
