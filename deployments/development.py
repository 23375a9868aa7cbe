"""The database at the start of a server: its schema, and the development key that a fresh server prints."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database

TENANT = "development"


def migrate(database_url: str) -> None:
    """Bring the schema up to date, and leave it at that: keys of a database of their own are its operators' business.

    Raises:
        ConfigError: a migration was edited after it had been applied.
        Unavailable: Postgres is down or too slow.
    """
    asyncio.run(_migrate(database_url))


def ensure_key(database_url: str, path: Path) -> str:
    """Bring the schema up to date and make sure that the key in `path` is valid; for the embedded Postgres alone.

    A key that was revoked is replaced by a new one.

    Returns:
        The key's secret, with all scopes.

    Raises:
        ConfigError, Unavailable: as `migrate`.
    """
    kept = path.read_text().strip() if path.exists() else ""
    secret = asyncio.run(_valid_key(database_url, kept))
    path.touch(mode=0o600)
    path.write_text(secret)
    return secret


async def _migrate(database_url: str) -> None:
    async with _accounts(database_url):
        pass


async def _valid_key(database_url: str, kept: str) -> str:
    """`kept`, registered when it is unknown; a new key where it was revoked, or is empty."""
    async with _accounts(database_url) as accounts:
        known = await accounts.find_key(kept)
        if known and not known.revoked_at:
            return kept
        key = await accounts.create_key(TENANT, "development", secret=None if known else kept)
    return key.secret


@asynccontextmanager
async def _accounts(database_url: str) -> AsyncIterator[Accounts]:
    """Of a database whose schema is up to date."""
    database = await Database.open(database_url)
    try:
        await database.migrate()
        yield Accounts(database)
    finally:
        await database.close()
