"""Migrations, and a real Postgres that comes and goes."""

import asyncio

import pytest

from deployments.embedded import EmbeddedBackends
from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from pipeline.errors import ConfigError, Unavailable


async def test_migrations_apply_once(empty_url: str) -> None:
    database = await Database.open(empty_url)
    assert await database.migrate() == ["0001_initial"]
    assert await database.migrate() == []
    await database.close()


async def test_servers_that_start_at_once_migrate_once(empty_url: str) -> None:
    databases = [await Database.open(empty_url) for _ in range(4)]
    applied = await asyncio.gather(*(database.migrate() for database in databases))
    assert sorted(applied) == [[], [], [], ["0001_initial"]]
    for database in databases:
        await database.close()


async def test_an_edited_migration_is_refused(empty_url: str) -> None:
    database = await Database.open(empty_url)
    await database.migrate()
    async with database.transaction() as connection:
        await connection.execute("update schema_migrations set hash = '\\x00'")
    with pytest.raises(ConfigError, match="0001_initial was edited"):
        await database.migrate()
    await database.close()


async def test_migrations_of_a_newer_version_are_left_alone(empty_url: str) -> None:
    database = await Database.open(empty_url)
    await database.migrate()
    async with database.transaction() as connection:
        await connection.execute("insert into schema_migrations (name, hash) values ('9999_future', '\\x00')")
    assert await database.migrate() == []
    await database.close()


async def test_a_wrong_url_is_a_matter_of_configuration() -> None:
    database = await Database.open("mysql://localhost/winnow")
    with pytest.raises(ConfigError, match="postgresql://"):
        await database.migrate()
    await database.close()


async def test_down_is_unavailable_and_back_is_used_again(
    database: Database, backends: EmbeddedBackends, unique: str
) -> None:
    accounts = Accounts(database)
    await accounts.put_tenant(unique, "strict")
    backends.postgres.stop()
    try:
        with pytest.raises(Unavailable) as down:
            await accounts.tenants()
        assert down.value.retry_after_s
    finally:
        backends.postgres.start()
    assert unique in {tenant.id for tenant in await accounts.tenants()}


async def test_a_pool_opens_before_its_server_does(backends: EmbeddedBackends) -> None:
    backends.postgres.stop()
    database = await Database.open(backends.database_url)
    backends.postgres.start()
    assert isinstance(await database.migrate(), list)
    await database.close()


async def test_a_slow_answer_is_none(backends: EmbeddedBackends) -> None:
    database = await Database.open(backends.database_url, timeout_s=0.2)
    with pytest.raises(Unavailable):
        async with database.connection() as connection:
            await connection.execute("select pg_sleep(60)")
    await database.close()
