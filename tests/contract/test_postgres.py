"""Migrations, accounts, experiments and feedback on a real Postgres."""

import asyncio
from collections.abc import Callable

import pytest

from deployments.embedded import EmbeddedBackends
from pipeline.clients.accounts import Accounts
from pipeline.clients.experiments import Experiments, Setup
from pipeline.clients.feedback_log import FeedbackLog
from pipeline.clients.postgres import Database
from pipeline.directory import hash_key
from pipeline.errors import ConfigError, Conflict, InvalidField, NotFound, Unavailable
from pipeline.feedback import Feedback, for_message
from pipeline.routing import Experiment

SECRET_TEXT = "Dear Zebediah, your parcel waits"


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


async def test_keys_are_listed_without_their_secret(database: Database, unique: str) -> None:
    accounts = Accounts(database)
    first = await accounts.create_key(unique, "gateway", ("classify",))
    second = await accounts.create_key(unique, "office")
    await accounts.revoke_key(first.id)
    listed = await accounts.keys(unique)
    assert [(key.id, key.name, key.scopes) for key in listed] == [
        (first.id, "gateway", ("classify",)),
        (second.id, "office", ("classify", "feedback", "admin")),
    ]
    assert listed[0].revoked_at is not None and listed[1].revoked_at is None
    everybodys = await accounts.keys()
    assert [key for key in everybodys if key.tenant == unique] == listed
    async with database.transaction() as connection:
        stored = await connection.fetch("select api_keys::text as row, hash from api_keys where tenant = $1", unique)
    assert {row["hash"] for row in stored} == {hash_key(first.secret), hash_key(second.secret)}
    assert not any(first.secret in row["row"] for row in stored)


async def test_a_given_secret_is_used_once(database: Database, unique: str) -> None:
    accounts = Accounts(database)
    assert (await accounts.create_key(unique, "development", secret=f"dev_{unique}")).secret == f"dev_{unique}"
    with pytest.raises(Conflict):
        await accounts.create_key(unique, "development", secret=f"dev_{unique}")


async def test_revoking_twice_changes_nothing_and_an_unknown_key_is_named(database: Database, unique: str) -> None:
    accounts = Accounts(database)
    key = await accounts.create_key(unique, "gateway")
    await accounts.revoke_key(key.id)
    (before,) = await accounts.keys(unique)
    await accounts.revoke_key(key.id)
    assert await accounts.keys(unique) == [before]
    with pytest.raises(NotFound, match="key_none"):
        await accounts.revoke_key("key_none")


async def test_bad_accounts_are_refused(database: Database, unique: str) -> None:
    accounts = Accounts(database)
    with pytest.raises(InvalidField):
        await accounts.create_key(unique, "gateway", ("classify", "root"))  # type: ignore[arg-type]
    with pytest.raises(InvalidField):
        await accounts.create_key(unique, "gateway", ())
    with pytest.raises(InvalidField, match="tenants_id_check"):
        await accounts.create_key("Acme & Sons", "gateway")
    with pytest.raises(InvalidField):
        await accounts.put_tenant(unique, "harsh")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="tenant"):
        await accounts.put_subscriber("nobody", "+1", "strict")


async def test_tenants_are_listed_with_their_policy(database: Database, unique: str) -> None:
    accounts = Accounts(database)
    await accounts.put_tenant(unique, "strict")
    await accounts.create_key(unique, "gateway")
    assert {tenant.id: tenant.policy for tenant in await accounts.tenants()}[unique] == "strict"
    await accounts.put_tenant(unique, None)
    assert {tenant.id: tenant.policy for tenant in await accounts.tenants()}[unique] is None


@pytest.mark.parametrize("table", ["tenants", "api_keys"])
async def test_rows_that_replicas_hold_cannot_be_deleted(database: Database, unique: str, table: str) -> None:
    await Accounts(database).create_key(unique, "gateway")
    with pytest.raises(Unavailable):
        async with database.transaction() as connection:
            await connection.execute(f"delete from {table}")
    assert len(await Accounts(database).keys(unique)) == 1


async def test_an_experiment_keeps_its_salt_and_counts_revisions(database: Database, unique: str) -> None:
    experiments = Experiments(database)
    first = await experiments.put(unique, Setup({"m/1": 90, "m/2": 10}), who="ann", why="try 2", expected_revision=0)
    second = await experiments.put(
        unique, Setup({"m/1": 50, "m/2": 50}, "recipient", {"m/3": 0.1}), who="bob", expected_revision=1
    )
    assert second == Experiment(unique, {"m/1": 50, "m/2": 50}, "recipient", first.salt, 2, {"m/3": 0.1})
    assert await experiments.get(unique) == second
    assert second in await experiments.all()
    assert len(first.salt) == 16


async def test_every_change_leaves_a_trail(database: Database, unique: str) -> None:
    experiments = Experiments(database)
    one, two = Setup({"m/1": 1}), Setup({"m/2": 1}, "message")
    await experiments.put(unique, one, who="ann", why="start")
    await experiments.put(unique, two, who="bob", why="switch")
    newest, oldest = await experiments.history(unique)
    assert (newest.revision, newest.changed_by, newest.why, newest.before, newest.after) == (
        2,
        "bob",
        "switch",
        one,
        two,
    )
    assert (oldest.revision, oldest.changed_by, oldest.why, oldest.before, oldest.after) == (
        1,
        "ann",
        "start",
        None,
        one,
    )
    assert await experiments.history(unique, limit=1) == [newest]


async def test_who_comes_late_is_told(database: Database, unique: str) -> None:
    experiments = Experiments(database)
    await experiments.put(unique, Setup({"m/1": 1}), who="ann")
    await experiments.put(unique, Setup({"m/1": 2}), who="ann")
    with pytest.raises(Conflict, match="revision 2, not 1"):
        await experiments.put(unique, Setup({"m/1": 3}), who="bob", expected_revision=1)
    assert (await experiments.get(unique)).arms == {"m/1": 2}


async def test_changes_at_once_come_one_after_the_other(database: Database, unique: str) -> None:
    experiments = Experiments(database)
    made = await asyncio.gather(*(experiments.put(unique, Setup({"m/1": i}), who=f"{i}") for i in range(1, 7)))
    assert sorted(experiment.revision for experiment in made) == [1, 2, 3, 4, 5, 6]
    assert len({experiment.salt for experiment in made}) == 1
    trail = await experiments.history(unique)
    assert [change.before for change in trail] == [*(change.after for change in trail[1:]), None]


async def test_an_unknown_experiment_is_named(database: Database, unique: str) -> None:
    with pytest.raises(NotFound, match=unique):
        await Experiments(database).get(unique)
    assert await Experiments(database).history(unique) == []


def feedback(tenant: str, label: str = "spam", **fields: object) -> Feedback:
    return Feedback(tenant=tenant, label=label, **{"receipt_id": "r-1", **fields})  # type: ignore[arg-type]


async def rows(database: Database, tenant: str) -> list[dict[str, object]]:
    async with database.transaction() as connection:
        query = "select * from spam_feedback where tenant = $1 order by id"
        return [dict(row) for row in await connection.fetch(query, tenant)]


async def test_feedback_is_stored_with_all_the_receipt_proved(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    given = feedback(
        unique,
        message_id="m-1",
        text="text",
        experiment_task="spam",
        experiment_arm="distilbert/2",
        experiment_revision=3,
        models={"spam": "distilbert/2"},
        scores={"spam": 0.25},
        sender_key="4f3c",
    )
    assert await FeedbackLog(database).add(given) == "stored"
    (row,) = await rows(database, unique)
    kept = {name: row[name] for name in given.__struct_fields__}
    assert kept == {name: getattr(given, name) for name in given.__struct_fields__}
    assert row["task"] == "spam"


async def test_feedback_sent_again_is_kept_once(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    outcomes = await asyncio.gather(*(log.add(feedback(unique)) for _ in range(8)))
    assert sorted(outcomes) == ["repeated"] * 7 + ["stored"]
    assert len(await rows(database, unique)) == 1


async def test_the_last_label_of_a_task_counts(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    assert await log.add(feedback(unique, "spam", text="text")) == "stored"
    assert await log.add(feedback(unique, "ham")) == "changed"
    assert await log.add(feedback(unique, "not_otp")) == "stored"
    assert [(row["task"], row["label"], row["text"]) for row in await rows(database, unique)] == [
        ("spam", "ham", "text"),
        ("otp", "not_otp", None),
    ]


async def test_receipts_are_told_apart_by_tenant(database: Database, unique: str) -> None:
    for tenant in (unique, f"{unique}-2"):
        await Accounts(database).put_tenant(tenant, None)
        assert await FeedbackLog(database).add(feedback(tenant)) == "stored"


async def test_a_message_without_receipt_is_known_by_its_id(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    assert await log.add(feedback(unique, receipt_id=for_message("m-1"), message_id="m-1")) == "stored"
    assert await log.add(feedback(unique, receipt_id=for_message("m-1"), message_id="m-1")) == "repeated"


async def test_feedback_of_nobody_is_refused(database: Database) -> None:
    with pytest.raises(NotFound, match="tenant"):
        await FeedbackLog(database).add(feedback("nobody"))


@pytest.fixture
def server_log(backends: EmbeddedBackends) -> Callable[[], str]:
    return (backends.folder / "postgres.log").read_text


async def test_texts_reach_neither_errors_nor_the_log(
    database: Database, server_log: Callable[[], str], unique: str
) -> None:
    await Accounts(database).put_tenant(unique, None)
    refused = []
    for bad in (feedback(unique, text=f"{SECRET_TEXT}\0"), feedback("nobody", text=SECRET_TEXT)):
        with pytest.raises((InvalidField, NotFound)) as error:
            await FeedbackLog(database).add(bad)
        refused.append(error.value)
    assert not any("Zebediah" in f"{error} {error.detail} {error.__cause__}" for error in refused)
    assert "ERROR" in server_log() and "Zebediah" not in server_log()


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
