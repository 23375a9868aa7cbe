"""One of many replicas does what one alone shall do: the one whose session in Postgres holds a lock."""

from contextlib import AsyncExitStack, suppress

import asyncpg

from pipeline.clients import queries
from pipeline.clients.postgres import Connection, Database, translated_errors

_SQL = queries.load("lead")


class Lead:
    """Holds a connection for as long as it leads; when that breaks, or the process ends, another one may lead.

    Args:
        what: names the work.
    """

    def __init__(self, database: Database, what: str) -> None:
        self._database = database
        self._what = what
        self._session: Connection | None = None
        self._held = AsyncExitStack()

    async def now(self) -> float | None:
        """Postgres' clock, seconds since the epoch, if this replica leads; None: another one does.

        Raises:
            Unavailable: Postgres is down or too slow. This replica leads no longer.
        """
        try:
            with translated_errors():
                session = self._session or await self._take()
                return None if session is None else float(await session.fetchval(_SQL["now"]))
        except BaseException:
            await self._lose()
            raise

    async def release(self) -> None:
        self._session = None
        await self._held.aclose()

    async def _lose(self) -> None:
        if self._session:
            with suppress(asyncpg.InterfaceError):  # it is known to be closed already
                self._session.terminate()  # nothing more is asked of it, not even to let go of the lock
        await self.release()

    async def _take(self) -> Connection | None:
        session = await self._held.enter_async_context(self._database.connection())
        if not await session.fetchval(_SQL["take"], f"winnow {self._what}"):
            await self.release()
            return None
        await session.execute(_SQL["limit"])
        self._session = session
        return session
