"""Migrations, and a real Postgres that comes and goes."""

import asyncio

import pytest

from deployments.embedded import EmbeddedBackends
from pipeline.clients import queries
from pipeline.clients.accounts import Accounts
from pipeline.clients.experiments import Experiments
from pipeline.clients.postgres import Database
from pipeline.errors import ConfigError, Unavailable

ALL = [name for name, _ in queries.migrations()]


async def test_migrations_apply_once(empty_url: str) -> None:
    database = await Database.open(empty_url)
    assert await database.migrate() == ALL
    assert await database.migrate() == []
    await database.close()


async def test_servers_that_start_at_once_migrate_once(empty_url: str) -> None:
    databases = [await Database.open(empty_url) for _ in range(4)]
    applied = await asyncio.gather(*(database.migrate() for database in databases))
    assert sorted(applied) == [[], [], [], ALL]
    for database in databases:
        await database.close()


async def test_what_an_earlier_version_stored_is_kept(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = queries.migrations()[:1]
    database = await Database.open(empty_url)
    with monkeypatch.context() as earlier:
        earlier.setattr(queries, "migrations", lambda: first)
        await database.migrate()
    async with database.connection() as connection:
        await connection.execute("insert into tenants (id) values ('acme')")
        await connection.execute(
            """insert into experiments (task, arms, sticky_by, salt, revision)
            values ('spam', '{"m/1": 10, "m/2": 90}', 'sender', 'salt', 3)"""
        )
        await connection.execute(
            """insert into spam_feedback (tenant, receipt_id, task, label, text, models, scores, sender_key,
            experiment_task, experiment_arm, experiment_revision)
            values ('acme', 'r1', 'spam', 'ham', 'hi', '{}', '{}', '', 'spam', 'm/2', 3)"""
        )
    assert await database.migrate() == ALL[1:]
    experiment = await Experiments(database).get("spam")
    assert (experiment.control, experiment.arms, experiment.began) == ("m/2", {"m/1": 10.0, "m/2": 90.0}, {"m/1": 3})
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "select arms, label, text, text_given_at = updated_at as dated from spam_feedback"
        )
    assert dict(row or {}) == {"arms": {"spam": ["m/2", 3]}, "label": "ham", "text": "hi", "dated": True}
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
