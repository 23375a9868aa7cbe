"""Tenants, their API keys and their subscribers' policies, in Postgres."""

import secrets
from datetime import datetime

import msgspec

from pipeline.clients import queries
from pipeline.clients.postgres import Database
from pipeline.directory import SCOPES, Scope, TenantRow, hash_key, read_tenant
from pipeline.errors import InvalidField, NotFound
from pipeline.types import PolicyName

_SQL = queries.load("accounts")


class NewKey(msgspec.Struct, frozen=True):
    id: str
    secret: str  #: shown once; only its hash is stored


class KeyInfo(msgspec.Struct, frozen=True):
    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


class Accounts:
    """Changes reach every replica within two seconds (see `DirectoryFeed`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_tenant(self, tenant: str, policy: PolicyName | None) -> None:
        """Create the tenant or change its policy; None: the default.

        Raises:
            InvalidField: the name is not made of a-z, 0-9, "-" and "_".
        """
        async with self._database.connection() as connection:
            await connection.execute(_SQL["put_tenant"], tenant, policy)

    async def tenants(self) -> list[TenantRow]:
        async with self._database.connection() as connection:
            return [read_tenant(*row) for row in await connection.fetch(_SQL["tenants"])]

    async def set_local_only(self, tenant: str, local_only: bool) -> None:
        """Keep a tenant's messages from the language model, or let them go there redacted.

        Raises:
            NotFound: there is no such tenant.
        """
        await self._update("set_local_only", tenant, local_only)

    async def set_webhook(self, tenant: str, url: str | None) -> str | None:
        """Tell a tenant of intents that come later; None: no more.

        Returns:
            The secret that signs what is posted, made anew; shown once.

        Raises:
            NotFound: there is no such tenant.
            InvalidField: the URL is not of the form http://… or https://…
        """
        secret = f"whsec_{secrets.token_urlsafe(32)}" if url else None
        await self._update("set_webhook", tenant, url or None, secret)
        return secret

    async def _update(self, query: str, tenant: str, *values: object) -> None:
        async with self._database.connection() as connection:
            if await connection.fetchval(_SQL[query], tenant, *values) is None:
                raise NotFound(f"there is no tenant {tenant}")

    async def create_key(
        self, tenant: str, name: str, scopes: tuple[Scope, ...] = SCOPES, *, secret: str | None = None
    ) -> NewKey:
        """Create a key, and its tenant when it is new.

        Args:
            name: what the key is for, in the customer's words.
            secret: use this one, at least 32 characters of randomness, instead of a new one.

        Raises:
            Conflict: a key with this secret exists.
            InvalidField: a scope is unknown, or the tenant's name is not made of a-z, 0-9, "-" and "_".
        """
        if not scopes or set(scopes) - set(SCOPES):
            raise InvalidField(f"scopes must be some of {', '.join(SCOPES)}", field="$.scopes")
        key = NewKey(f"key_{secrets.token_hex(8)}", secret or f"winnow_{secrets.token_urlsafe(32)}")
        async with self._database.transaction() as connection:
            await connection.execute(_SQL["add_tenant"], tenant)
            await connection.execute(_SQL["create_key"], key.id, tenant, name, hash_key(key.secret), list(scopes))
        return key

    async def revoke_key(self, key_id: str) -> None:
        """Take a key back for good; once more does nothing.

        Raises:
            NotFound: there is no such key.
        """
        async with self._database.connection() as connection:
            if await connection.fetchval(_SQL["revoke_key"], key_id) is None:
                raise NotFound(f"there is no key {key_id}")

    async def find_key(self, secret: str) -> KeyInfo | None:
        """The key with this secret, revoked or not; None: there is none."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_SQL["find_key"], hash_key(secret))
        return msgspec.convert(dict(row), KeyInfo) if row else None

    async def keys(self, tenant: str | None = None) -> list[KeyInfo]:
        """All keys, or those of one tenant, oldest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_SQL["keys"], tenant)
        return [msgspec.convert(dict(row), KeyInfo) for row in rows]

    async def put_subscriber(self, tenant: str, subscriber: str, policy: PolicyName | None) -> None:
        """Set a subscriber's own policy; None: the tenant's applies again.

        Raises:
            NotFound: there is no such tenant.
        """
        async with self._database.connection() as connection:
            await connection.execute(_SQL["put_subscriber"], tenant, subscriber, policy)
