"""Real servers for the contract suites, started once."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from deployments.embedded import EmbeddedBackends
from pipeline.clients.postgres import Database


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBackends]:
    with EmbeddedBackends(tmp_path_factory.mktemp("backends")) as running:
        yield running


@pytest.fixture
def unique() -> str:
    """A name that no other test uses, fit for a tenant."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def database(backends: EmbeddedBackends) -> AsyncIterator[Database]:
    """The schema is up to date."""
    opened = await Database.open(backends.database_url)
    await opened.migrate()
    yield opened
    await opened.close()


@pytest.fixture
async def empty_url(backends: EmbeddedBackends, unique: str) -> str:
    """URL of a database without any schema."""
    database = await Database.open(backends.database_url)
    async with database.connection() as connection:
        await connection.execute(f"create database {unique}")
    await database.close()
    return backends.database_url.replace("/postgres?", f"/{unique}?")
