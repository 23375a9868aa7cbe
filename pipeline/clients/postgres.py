"""The connection to Postgres: a pool, migrations, and one place where its errors become ours."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from typing import Any, Self

import asyncpg
import msgspec

from pipeline.clients import queries
from pipeline.errors import ConfigError, Conflict, InvalidField, NotFound, Unavailable

Connection = asyncpg.pool.PoolConnectionProxy

_SQL = queries.load("schema")


class Database:
    """A pool of connections. It opens them when they are needed: neither start nor restart waits for Postgres."""

    def __init__(self, pool: "asyncpg.Pool[Any]", timeout_s: float) -> None:
        self._pool = pool
        self._timeout_s = timeout_s

    @classmethod
    async def open(cls, dsn: str, *, max_connections: int = 8, timeout_s: float = 5.0) -> Self:
        """Args:
        dsn: postgresql://…
        max_connections: of this process.
        timeout_s: the most that a connection, and then each statement, may take.
        """
        pool = asyncpg.create_pool(
            dsn, min_size=0, max_size=max_connections, timeout=timeout_s, command_timeout=timeout_s, init=use_json
        )
        with translated_errors():
            return cls(await pool, timeout_s)

    async def close(self) -> None:
        self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection; every statement is a transaction of its own.

        Raises:
            Unavailable: Postgres is down or too slow.
            Conflict, NotFound, InvalidField: what was written breaks a constraint.
        """
        with translated_errors():
            async with self._pool.acquire(timeout=self._timeout_s) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection within a transaction; raises as `connection` does."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def migrate(self) -> list[str]:
        """Bring the schema up to date and return the names of what was applied; whole or not at all.

        Any number of servers may do so at once: one works, the others wait and find nothing left to do.
        Migrations that this version does not know are left alone, so that a rollout can go back.

        Raises:
            ConfigError: a migration was edited after it had been applied.
            Unavailable: Postgres is down or too slow.
        """
        async with self.transaction() as connection:
            await connection.execute(_SQL["lock"], timeout=60.0)
            await connection.execute(_SQL["prepare"])
            applied = {row["name"]: row["hash"] for row in await connection.fetch(_SQL["applied"])}
            return [name for name, text in queries.migrations() if await _apply(connection, name, text, applied)]


async def _apply(connection: Connection, name: str, text: str, applied: dict[str, bytes]) -> bool:
    fingerprint = sha256(text.encode()).digest()
    if name in applied:
        if applied[name] != fingerprint:
            raise ConfigError(f"migration {name} was edited after it had been applied; add a new one instead")
        return False
    await connection.execute(text, timeout=600.0)
    await connection.execute(_SQL["record"], name, fingerprint)
    return True


async def use_json(connection: Any) -> None:
    """Read and write jsonb as Python values."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )


@contextmanager
def translated_errors() -> Iterator[None]:
    """Errors of the driver as ours. The original is dropped: it may quote the row, and rows hold texts of messages."""
    try:
        yield
    except asyncpg.ClientConfigurationError:
        raise ConfigError("the URL of the database is not of the form postgresql://user:password@host/name") from None
    except asyncpg.UniqueViolationError:
        raise Conflict("it exists already") from None
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFound(f"there is no such {_referred(error)}") from None
    except asyncpg.CheckViolationError as error:
        raise InvalidField(f"a value breaks the rule {error.constraint_name}") from None
    except asyncpg.DataError:
        raise InvalidField("a value cannot be stored") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        # TimeoutError is an OSError; an internal error is how the driver tells of a session ended while it was idle
        detail = f"the database does not answer ({type(error).__name__})"
        raise Unavailable(detail, retry_after_s=1.0) from None


def _referred(error: asyncpg.ForeignKeyViolationError) -> str:
    """ "tenant" of the constraint "api_keys_tenant_fkey"."""
    return str(error.constraint_name).removesuffix("_fkey").rsplit("_", 1)[-1]
