"""Policies and models, with a real Postgres."""

import uuid
from collections.abc import AsyncIterator

import pytest

from configs.resources import read_manifests
from configs.settings import Settings
from deployments.office import Office
from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from pipeline.directory import Principal
from pipeline.errors import InvalidField


@pytest.fixture
def principal() -> Principal:
    return Principal(f"t{uuid.uuid4().hex[:12]}", "key_test", frozenset({"admin"}))


@pytest.fixture
async def database(postgres: str, principal: Principal) -> AsyncIterator[Database]:
    opened = await Database.open(postgres)
    await opened.migrate()
    await Accounts(opened).put_tenant(principal.tenant, None)
    yield opened
    await opened.close()


async def policies(database: Database, tenant: str) -> dict[str, str | None]:
    async with database.connection() as connection:
        rows = await connection.fetch("select id, policy from subscribers where tenant = $1", tenant)
    return {row["id"]: row["policy"] for row in rows}


async def test_a_subscriber_is_known_by_its_canonical_address(database: Database, principal: Principal) -> None:
    office = Office(database, {})
    answer = await office.set_policy("+49 (170) 123-4567", "strict", principal)
    assert answer == {"subscriber": "+491701234567", "policy": "strict"}
    assert await policies(database, principal.tenant) == {"+491701234567": "strict"}
    await office.set_policy("+491701234567", None, principal)
    assert await policies(database, principal.tenant) == {"+491701234567": None}


@pytest.mark.parametrize("subscriber", ["", "   ", "x" * 65, "a\0b"])
async def test_names_that_cannot_be_stored_are_refused(
    database: Database, principal: Principal, subscriber: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        await Office(database, {}).set_policy(subscriber, "strict", principal)
    assert refused.value.field == "subscriber"
    assert await policies(database, principal.tenant) == {}


async def test_models_are_told_from_their_manifests(database: Database) -> None:
    manifests = read_manifests(Settings())
    listed = Office(database, manifests).models()
    assert {model["ref"]: model["kind"] for model in listed} == {ref: m.kind for ref, m in manifests.items()}
    assert all(model["metrics"] for model in listed)
