"""Keeps a replica's `Directory` up to date: LISTEN for changes, with a poll behind it."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg

from pipeline.clients import queries
from pipeline.clients.experiments import read_experiment
from pipeline.clients.postgres import use_json
from pipeline.directory import Changes, Directory, KeyRow, SubscriberRow, read_tenant

log = logging.getLogger(__name__)

_SQL = queries.load("directory")
_CHANNEL = "winnow_directory"
_TIMEOUT_S = 5.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0


class DirectoryFeed:
    """While Postgres is away the last good snapshot goes on serving; `age_s` says how old it is.

    Args:
        dsn: postgresql://…; the feed has one connection of its own.
        on_change: called with each new snapshot, on the event loop.
        blank: what to start from.
        poll_s: how long a change may go unnoticed when its notification was lost.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        dsn: str,
        on_change: Callable[[Directory], None],
        *,
        blank: Directory | None = None,
        poll_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dsn = dsn
        self._on_change = on_change
        self._poll_s = poll_s
        self._clock = clock
        self._since = 0
        self._checked_at: float | None = None
        self._pause_s = _SHORTEST_PAUSE_S
        self._loaded = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._blank = self.directory = blank or Directory()

    @property
    def age_s(self) -> float | None:
        """Seconds since the snapshot was known to be up to date; None: never loaded."""
        return None if self._checked_at is None else self._clock() - self._checked_at

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def loaded(self) -> None:
        """Return when the first snapshot is there."""
        await self._loaded.wait()

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except Exception as error:  # whatever it was, serving goes on with what is known
                log.warning("directory feed: %s, trying again in %.1f s", type(error).__name__, self._pause_s)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    async def _follow(self) -> None:
        """Refresh whenever something may have changed, until the connection breaks."""
        connection = await asyncpg.connect(self._dsn, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
        try:
            await use_json(connection)
            woken = asyncio.Event()
            await connection.add_listener(_CHANNEL, lambda *_: woken.set())
            while True:
                woken.clear()
                await self._refresh(connection)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_s):
                        await woken.wait()
        finally:
            connection.terminate()

    async def _refresh(self, connection: "asyncpg.Connection[Any]") -> None:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            horizon = await connection.fetchval(_SQL["horizon"])
            restored = horizon < self._since  # another database: what was known is no base for its changes
            changes = await _fetch(connection, 0 if restored else self._since)
        if changes or restored:
            self.directory = (self._blank if restored else self.directory).apply(changes)
            self._on_change(self.directory)
        self._since = horizon  # only now: should the reader have failed, it is offered the same again
        self._checked_at = self._clock()
        self._pause_s = _SHORTEST_PAUSE_S
        self._loaded.set()


async def _fetch(connection: "asyncpg.Connection[Any]", since: int) -> Changes:
    """Rows written by transaction `since` or later; all in one snapshot, as the transaction is repeatable read."""
    tenants = await connection.fetch(_SQL["tenants"], since)
    keys = await connection.fetch(_SQL["keys"], since)
    subscribers = await connection.fetch(_SQL["subscribers"], since)
    experiments = await connection.fetch(_SQL["experiments"], since)
    return Changes(
        tuple(read_tenant(*row) for row in tenants),
        tuple(KeyRow(id_, tenant, hash_, frozenset(scopes), revoked) for id_, tenant, hash_, scopes, revoked in keys),
        tuple(SubscriberRow(*row) for row in subscribers),
        tuple(read_experiment(row) for row in experiments),
    )
