"""The development key that a fresh server prints."""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path

from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from pipeline.errors import Conflict

TENANT = "development"


def ensure_key(database_url: str, path: Path) -> str:
    """Bring the schema up to date and make sure that the key in `path` is valid.

    Returns:
        The key's secret, with all scopes.
    """
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(f"winnow_{secrets.token_urlsafe(32)}")
    secret = path.read_text().strip()
    asyncio.run(_register(database_url, secret))
    return secret


async def _register(database_url: str, secret: str) -> None:
    database = await Database.open(database_url)
    try:
        await database.migrate()
        with suppress(Conflict):  # registered by an earlier start
            await Accounts(database).create_key(TENANT, "development", secret=secret)
    finally:
        await database.close()
