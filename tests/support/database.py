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


async def forget_experiments(database: Database) -> None:
    """Tasks are few, so that tests cannot have one each. Only truncation gets past the trigger against deletes."""
    async with database.connection() as connection:
        await connection.execute("truncate experiments cascade")
