"""What an operator changes in a real Postgres reaches a replica, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from deployments.embedded import EmbeddedBackends
from pipeline.clients.accounts import Accounts
from pipeline.clients.directory_feed import DirectoryFeed
from pipeline.clients.experiments import Experiments
from pipeline.clients.postgres import Database
from pipeline.directory import Directory
from pipeline.ramps import Ramp
from pipeline.trail import Setup


class Replica:
    """A feed and the snapshots it brought."""

    def __init__(self, url: str, poll_s: float) -> None:
        self.snapshots: list[Directory] = []
        self.feed = DirectoryFeed(url, self.snapshots.append, poll_s=poll_s)

    @property
    def directory(self) -> Directory:
        return self.feed.directory

    async def sees(self, condition: Callable[[Directory], bool], within_s: float = 10.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition(self.directory):  # noqa: ASYNC110 - the condition is about the outside
                await asyncio.sleep(0.01)


def age(replica: Replica) -> float:
    assert replica.feed.age_s is not None
    return replica.feed.age_s


async def follow(url: str, poll_s: float) -> AsyncIterator[Replica]:
    replica = Replica(url, poll_s)
    replica.feed.start()
    async with asyncio.timeout(10):
        await replica.feed.loaded()
    yield replica
    await replica.feed.stop()


@pytest.fixture
async def listening(database: Database, backends: EmbeddedBackends) -> AsyncIterator[Replica]:
    """Learns of changes by notification alone: it polls once an hour."""
    async for replica in follow(backends.database_url, 3600.0):
        yield replica


@pytest.fixture
async def polling(database: Database, backends: EmbeddedBackends) -> AsyncIterator[Replica]:
    async for replica in follow(backends.database_url, 0.1):
        yield replica


async def test_it_starts_with_all_there_is(database: Database, backends: EmbeddedBackends, unique: str) -> None:
    accounts = Accounts(database)
    key = await accounts.create_key(unique, "gateway", ("classify",))
    await accounts.put_tenant(unique, "strict")
    await accounts.put_subscriber(unique, "+1", "lenient")
    await Experiments(database).put("intent", Setup({"m/1": 1}, shadow={"m/3": 0.5}), who="ann")
    experiment = await Experiments(database).start_ramp("intent", Ramp(f"{unique}/2"), who="ann")
    async for replica in follow(backends.database_url, 3600.0):
        principal = replica.directory.authenticate(key.secret)
        assert principal and (principal.tenant, principal.key_id, principal.scopes) == (unique, key.id, {"classify"})
        assert replica.directory.policy_for(unique, "+1", None) == "lenient"
        assert replica.directory.policy_for(unique, "+2", None) == "strict"
        assert replica.directory.experiment("intent") == experiment
        assert replica.snapshots[-1] is replica.directory
        assert replica.feed.age_s is not None


async def test_changes_are_live_within_two_seconds(listening: Replica, database: Database, unique: str) -> None:
    accounts = Accounts(database)
    key = await accounts.create_key(unique, "gateway")
    await listening.sees(lambda directory: directory.authenticate(key.secret) is not None, within_s=2.0)
    await accounts.put_subscriber(unique, "+1", "lenient")
    await listening.sees(lambda directory: directory.policy_for(unique, "+1", None) == "lenient", within_s=2.0)
    await accounts.put_subscriber(unique, "+1", None)
    await accounts.put_tenant(unique, "strict")
    await listening.sees(lambda directory: directory.policy_for(unique, "+1", None) == "strict", within_s=2.0)
    changed = await Experiments(database).put("otp", Setup({f"{unique}/1": 1}), who="ann")
    await listening.sees(lambda directory: directory.experiment("otp") == changed, within_s=2.0)
    await Experiments(database).end("otp", who="ann")
    await listening.sees(lambda directory: directory.experiment("otp") is None, within_s=2.0)
    await accounts.revoke_key(key.id)
    await listening.sees(lambda directory: directory.authenticate(key.secret) is None, within_s=2.0)


async def test_a_lost_notification_is_made_up_for(polling: Replica, database: Database, unique: str) -> None:
    async with database.connection() as connection:
        await connection.execute("alter table tenants disable trigger tell_replicas")
    try:
        await Accounts(database).put_tenant(unique, "strict")
        await polling.sees(lambda directory: directory.policy_for(unique, "", None) == "strict")
    finally:
        async with database.connection() as connection:
            await connection.execute("alter table tenants enable trigger tell_replicas")


async def test_an_early_transaction_that_commits_late_is_seen(
    polling: Replica, database: Database, unique: str
) -> None:
    accounts = Accounts(database)
    async with database.transaction() as early:
        await early.execute("insert into tenants (id, policy) values ($1, 'strict')", f"{unique}-early")
        for i in range(20):
            await accounts.put_tenant(f"{unique}-late-{i}", "lenient")
        await polling.sees(lambda directory: directory.policy_for(f"{unique}-late-19", "", None) == "lenient")
        assert polling.directory.policy_for(f"{unique}-early", "", None) == "moderate"
    await polling.sees(lambda directory: directory.policy_for(f"{unique}-early", "", None) == "strict")


async def test_without_changes_there_are_no_new_snapshots(polling: Replica, database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, "strict")
    await polling.sees(lambda directory: directory.policy_for(unique, "", None) == "strict")
    await asyncio.sleep(0.3)
    settled = len(polling.snapshots)
    await asyncio.sleep(0.5)
    assert len(polling.snapshots) == settled


async def test_while_postgres_is_away_the_last_snapshot_serves(
    polling: Replica, database: Database, backends: EmbeddedBackends, unique: str
) -> None:
    accounts = Accounts(database)
    key = await accounts.create_key(unique, "gateway")
    await polling.sees(lambda directory: directory.authenticate(key.secret) is not None)
    backends.postgres.stop()
    try:
        await polling.sees(lambda _: age(polling) > 0.5)
        assert polling.directory.authenticate(key.secret) is not None
    finally:
        backends.postgres.start()
    await polling.sees(lambda _: age(polling) < 0.5)
    await accounts.revoke_key(key.id)
    await polling.sees(lambda directory: directory.authenticate(key.secret) is None)


async def test_it_may_start_before_postgres_does(backends: EmbeddedBackends) -> None:
    backends.postgres.stop()
    replica = Replica(backends.database_url, 0.1)
    replica.feed.start()
    await asyncio.sleep(0.2)
    assert replica.feed.age_s is None
    backends.postgres.start()
    async with asyncio.timeout(10):
        await replica.feed.loaded()
    await replica.feed.stop()


async def test_another_database_behind_the_url_is_read_anew(
    database: Database, backends: EmbeddedBackends, unique: str
) -> None:
    """After a restore from a dump, transactions count from a lower number than the replica remembers."""
    replica = Replica(backends.database_url, 0.1)
    replica.feed._since = 2**60
    replica.feed.start()
    async with asyncio.timeout(10):
        await replica.feed.loaded()
    await Accounts(database).put_tenant(unique, "strict")
    await replica.sees(lambda directory: directory.policy_for(unique, "", None) == "strict")
    await replica.feed.stop()


async def test_a_reader_that_fails_is_offered_the_same_again(
    database: Database, backends: EmbeddedBackends, unique: str
) -> None:
    calls = []

    def adopt(directory: Directory) -> None:
        calls.append(directory)
        if len(calls) == 1:
            raise RuntimeError("no room")

    await Accounts(database).put_tenant(unique, "strict")
    feed = DirectoryFeed(backends.database_url, adopt, poll_s=0.1)
    feed.start()
    async with asyncio.timeout(10):
        await feed.loaded()
    await feed.stop()
    assert len(calls) > 1
    assert calls[-1].policy_for(unique, "", None) == "strict"
