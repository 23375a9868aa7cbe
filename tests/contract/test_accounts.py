"""Tenants, keys and subscribers on a real Postgres."""

import pytest

from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from pipeline.directory import hash_key
from pipeline.errors import Conflict, InvalidField, NotFound, Unavailable


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


async def test_a_key_is_found_by_its_secret(database: Database, unique: str) -> None:
    accounts = Accounts(database)
    key = await accounts.create_key(unique, "gateway")
    (listed,) = await accounts.keys(unique)
    assert await accounts.find_key(key.secret) == listed
    await accounts.revoke_key(key.id)
    found = await accounts.find_key(key.secret)
    assert found and found.revoked_at is not None
    assert await accounts.find_key(f"no_{unique}") is None


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
