"""Experiments and the trail of their changes, in Postgres."""

import secrets
from datetime import datetime

import asyncpg
import msgspec

from pipeline.clients import queries
from pipeline.clients.postgres import Connection, Database
from pipeline.errors import Conflict, NotFound
from pipeline.routing import Experiment, StickyBy

_SQL = queries.load("experiments")


class Setup(msgspec.Struct, frozen=True):
    """What an operator sets; see `Experiment`."""

    arms: dict[str, float]
    sticky_by: StickyBy = "sender"
    shadow: dict[str, float] = {}


class ExperimentChange(msgspec.Struct, frozen=True):
    """One entry of the trail."""

    revision: int
    changed_at: datetime
    changed_by: str
    why: str
    before: Setup | None  #: None: the experiment began
    after: Setup


class Experiments:
    """Changes reach every replica within two seconds (see `DirectoryFeed`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Experiment]:
        async with self._database.connection() as connection:
            return [read_experiment(row) for row in await connection.fetch(_SQL["all"])]

    async def get(self, task: str) -> Experiment:
        """Raises:
        NotFound: the task has no experiment.
        """
        async with self._database.connection() as connection:
            found = await _find(connection, task)
        if found is None:
            raise NotFound(f"there is no experiment for {task}")
        return found

    async def put(
        self, task: str, setup: Setup, *, who: str, why: str = "", expected_revision: int | None = None
    ) -> Experiment:
        """Start or change an experiment and write down who did it. The salt stays: nobody is reshuffled.

        Args:
            setup: checked already with `pipeline.routing.check_arms`.
            who: key or person.
            expected_revision: the one the caller saw, 0 for none; None: whatever there is.

        Raises:
            Conflict: somebody else changed it since.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_SQL["lock"])
            old = await _find(connection, task)
            revision = old.revision if old else 0
            if expected_revision not in (None, revision):
                raise Conflict(f"the experiment is at revision {revision}, not {expected_revision}")
            salt = old.salt if old else secrets.token_hex(8)
            new = Experiment(task, setup.arms, setup.sticky_by, salt, revision + 1, setup.shadow)
            await connection.execute(_SQL["put"], task, new.arms, new.sticky_by, new.shadow, new.salt, new.revision)
            before = Setup(old.arms, old.sticky_by, old.shadow) if old else None
            await connection.execute(_SQL["record"], task, new.revision, who, why, before, setup)
        return new

    async def history(self, task: str, limit: int = 50) -> list[ExperimentChange]:
        """The trail, newest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_SQL["history"], task, limit)
        return [msgspec.convert(dict(row), ExperimentChange) for row in rows]


def read_experiment(row: asyncpg.Record) -> Experiment:
    return msgspec.convert(dict(row), Experiment)


async def _find(connection: Connection, task: str) -> Experiment | None:
    row = await connection.fetchrow(_SQL["one"], task)
    return read_experiment(row) if row else None
