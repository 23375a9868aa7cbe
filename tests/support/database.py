"""Work on a database from a test that has no event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipeline.clients.postgres import Database

T = TypeVar("T")


def within(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do the work with a connection that is closed again."""

    async def connected() -> T:
        database = await Database.open(url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(connected())
