"""Experiments and the trail of their changes, in Postgres. What a change comes to is said in `pipeline.changes`."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from pipeline import changes
from pipeline.clients import queries
from pipeline.clients.postgres import Connection, Database
from pipeline.errors import Conflict, NotFound
from pipeline.ramps import Ramp
from pipeline.routing import Experiment, StickyBy, Task
from pipeline.trail import Act, ExperimentChange, Setup, Turn, earlier_control, setup_of

_SQL = queries.load("experiments")


class Experiments:
    """Changes reach every replica within two seconds (see `DirectoryFeed`).

    What people change takes `who`, a key or a person, `why`, and `expected_revision`: the one that they saw, 0 where
    there was no experiment; None: whatever there is. Every such method raises `Conflict` when it is another one by now.
    The steward's methods, `advance` and `stop`, do nothing then.

    Args:
        database: Postgres. Its clock tells when a ramp took its steps, as it does for all who read that.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Experiment]:
        """Those in force."""
        async with self._database.connection() as connection:
            return [read_experiment(row) for row in await connection.fetch(_SQL["all"])]

    async def get(self, task: Task) -> Experiment:
        """Raises:
        NotFound: the task has no experiment.
        """
        async with self._database.connection() as connection:
            found = await _find(connection, task)
        if not found.arms:
            raise NotFound(f"there is no experiment for {task}")
        return found

    async def put(
        self,
        task: Task,
        setup: Setup,
        *,
        who: str,
        why: str = "",
        expected_revision: int | None = None,
        default: str = "",
    ) -> Experiment:
        """Start or change an experiment. The salt stays: nobody is reshuffled.

        Args:
            setup: checked already with `pipeline.routing.check_arms`.
            default: the version that answers where there is no experiment.

        Raises:
            InvalidField: the control is not among the arms.
        """
        async with self._changing(task, expected_revision) as change:
            return await change.to(changes.put(change.old, setup, default), "set", who, why)

    async def end(self, task: Task, *, who: str, why: str = "", expected_revision: int | None = None) -> Experiment:
        """The default version answers again. A later experiment goes on from the revision and with the salt.

        Raises:
            NotFound: there is no experiment.
        """
        async with self._changing(task, expected_revision) as change:
            return await change.to(changes.end(change.old), "end", who, why)

    async def promote(
        self, task: Task, version: str, *, who: str, why: str = "", expected_revision: int | None = None
    ) -> Experiment:
        """All of the traffic for one version, with which others are compared from now on."""
        async with self._changing(task, expected_revision) as change:
            return await change.to(changes.promote(change.old, version), "promote", who, why)

    async def rollback(
        self, task: Task, *, who: str, why: str = "", expected_revision: int | None = None, default: str = ""
    ) -> Experiment:
        """All of the traffic for the control; where it has that already, for the control before it.

        Args:
            default: the version that answers where there is no experiment.

        Raises:
            NotFound: there is no experiment, or no control before this one.
        """
        async with self._changing(task, expected_revision) as change:
            return await change.to(changes.rollback(change.old, await change.earlier(default)), "rollback", who, why)

    async def before_rollback(self, task: Task, default: str = "") -> tuple[Experiment, str]:
        """The experiment in force, and the earlier control that a rollback would bring back; "" where it would not.

        Raises:
            NotFound: the task has no experiment.
        """
        async with self._database.connection() as connection:
            old = await _find(connection, task)
            if not old.arms:
                raise NotFound(f"there is no experiment for {task}")
            return old, await _earlier(connection, task, default) if changes.is_settled(old) else ""

    async def start_ramp(
        self,
        task: Task,
        ramp: Ramp,
        *,
        who: str,
        why: str = "",
        expected_revision: int | None = None,
        default: str = "",
        sticky_by: StickyBy | None = None,
    ) -> Experiment:
        """The first step for the ramp's version, which is compared anew; the control has the rest.

        Args:
            ramp: its steps; where it stands is set here.
            default: the version that answers where there is no experiment.
            sticky_by: None: as it is.

        Raises:
            InvalidField: the version is the control, or the steps do not lead to all of the traffic.
        """
        async with self._changing(task, expected_revision) as change:
            started = msgspec.structs.replace(ramp, step=0, since=await change.now())
            new = changes.start_ramp(change.old, started, default=default, sticky_by=sticky_by)
            return await change.to(new, "ramp", who, why)

    async def advance(self, task: Task, step: int, *, why: str, revision: int, who: str = "ramp") -> Experiment | None:
        """The ramp's next step, decided on at `revision`; None: it is another one by now, and nothing was done.

        Raises:
            NotFound: there is no ramp.
            InvalidField: it has no such step.
        """
        async with self._changing(task) as change:
            if change.old.revision != revision:
                return None
            return await change.to(changes.advance(change.old, step, await change.now()), "advance", who, why)

    async def stop(
        self, task: Task, treatment: str, *, why: str, revision: int, who: str = "guardrail"
    ) -> Experiment | None:
        """No more traffic for a treatment, decided on at `revision`; None as for `advance`.

        Raises:
            NotFound: it is not compared with the control.
        """
        async with self._changing(task) as change:
            if change.old.revision != revision:
                return None
            return await change.to(changes.stop(change.old, treatment), "stop", who, why)

    async def history(self, task: Task, limit: int = 50) -> list[ExperimentChange]:
        """The trail, newest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_SQL["history"], task, limit)
        return [msgspec.convert(dict(row), ExperimentChange) for row in rows]

    @asynccontextmanager
    async def _changing(self, task: Task, expected_revision: int | None = None) -> AsyncIterator["_Change"]:
        """The experiment as nobody else can change it meanwhile.

        Raises:
            Conflict: it is not at the expected revision.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_SQL["lock"])
            old = await _find(connection, task)
            seen = (None, old.revision) if old.arms else (None, old.revision, 0)
            if expected_revision not in seen:
                raise Conflict(f"the experiment is at revision {old.revision}, not {expected_revision}")
            yield _Change(connection, old)


class _Change:
    """One change under way; `old` is what it starts from."""

    def __init__(self, connection: Connection, old: Experiment) -> None:
        self._connection = connection
        self.old = old

    async def now(self) -> float:
        """Seconds since the epoch."""
        return float(await self._connection.fetchval(_SQL["now"]))

    async def earlier(self, default: str) -> str:
        return await _earlier(self._connection, self.old.task, default)

    async def to(self, new: Experiment, act: Act, who: str, why: str) -> Experiment:
        """Store it and write down who did it."""
        await self._connection.execute(
            _SQL["put"],
            new.task,
            new.arms,
            new.sticky_by,
            new.shadow,
            new.salt,
            new.revision,
            new.control,
            new.began,
            new.ramp,
        )
        before = setup_of(self.old) if self.old.revision else None
        await self._connection.execute(_SQL["record"], new.task, new.revision, who, why, before, setup_of(new), act)
        return new


def read_experiment(row: asyncpg.Record) -> Experiment:
    return msgspec.convert(dict(row), Experiment)


async def _find(connection: Connection, task: Task) -> Experiment:
    row = await connection.fetchrow(_SQL["one"], task)
    return read_experiment(row) if row else changes.nothing(task, secrets.token_hex(8))


async def _earlier(connection: Connection, task: Task, default: str) -> str:
    return earlier_control((Turn(*row) for row in await connection.fetch(_SQL["turns"], task)), default)
