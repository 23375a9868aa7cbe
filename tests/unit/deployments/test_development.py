"""The development key on a real Postgres."""

import uuid
from pathlib import Path

import pytest

from deployments.development import TENANT, ensure_key, migrate
from pipeline.clients.accounts import Accounts, KeyInfo
from pipeline.clients.postgres import Database
from pipeline.directory import SCOPES
from tests.support.database import within


@pytest.fixture
def url(postgres: str) -> str:
    """Of a database without any schema."""
    name = f"d{uuid.uuid4().hex[:12]}"

    async def create(database: Database) -> None:
        async with database.connection() as connection:
            await connection.execute(f"create database {name}")

    within(postgres, create)
    return postgres.replace("/postgres?", f"/{name}?")


def keys(url: str) -> list[KeyInfo]:
    return within(url, lambda database: Accounts(database).keys())


def find(url: str, secret: str) -> KeyInfo | None:
    return within(url, lambda database: Accounts(database).find_key(secret))


def test_the_key_of_a_fresh_server_is_valid_and_for_its_owner_alone(url: str, tmp_path: Path) -> None:
    path = tmp_path / "development.key"
    secret = ensure_key(url, path)
    assert path.read_text() == secret
    assert path.stat().st_mode & 0o777 == 0o600
    (key,) = keys(url)
    assert (key.tenant, key.scopes, key.revoked_at) == (TENANT, SCOPES, None)
    assert find(url, secret) == key


def test_it_stays_the_same_at_every_start(url: str, tmp_path: Path) -> None:
    first = ensure_key(url, tmp_path / "key")
    assert ensure_key(url, tmp_path / "key") == first
    assert len(keys(url)) == 1


def test_a_key_that_the_database_lost_is_registered_again(url: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("winnow_of_an_earlier_database_0123456789\n")
    secret = ensure_key(url, tmp_path / "key")
    assert secret == "winnow_of_an_earlier_database_0123456789"
    assert find(url, secret) is not None


def test_a_revoked_key_is_replaced(url: str, tmp_path: Path) -> None:
    revoked = ensure_key(url, tmp_path / "key")
    (key,) = keys(url)
    within(url, lambda database: Accounts(database).revoke_key(key.id))
    secret = ensure_key(url, tmp_path / "key")
    assert secret != revoked
    assert (tmp_path / "key").read_text() == secret
    found = find(url, secret)
    assert found is not None and found.revoked_at is None


def test_a_migration_alone_makes_no_key(url: str) -> None:
    migrate(url)
    assert keys(url) == []
