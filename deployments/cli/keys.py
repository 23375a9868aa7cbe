"""`winnow keys`: API keys, in the database itself, so that a first key can be made without one."""

import asyncio
from datetime import datetime
from typing import Annotated, cast

import typer

from deployments.cli.connection import HOME, DatabaseOption, HomeOption, open_database
from deployments.cli.output import err, out, show
from pipeline.clients.accounts import Accounts, KeyInfo
from pipeline.directory import SCOPES, Scope

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")

_Tenant = Annotated[str, typer.Option(help="Whose key: a-z, 0-9, - and _. Made when it is new.")]


@app.command(epilog="Example: winnow keys create --tenant carrier-one --name gateway --scope classify --scope feedback")
def create(
    tenant: _Tenant,
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scope: Annotated[list[str], typer.Option(help=f"Of {', '.join(SCOPES)}; repeatable.")] = ["classify"],  # noqa: B006
    database_url: DatabaseOption = None,
    home: HomeOption = HOME,
) -> None:
    """Create a key and print its secret, once: only a hash of it is stored."""
    scopes = _scopes(scope)

    async def work() -> None:
        async with open_database(database_url, home) as database:
            key = await Accounts(database).create_key(tenant, name, scopes)
        err.print(f"{key.id} works within two seconds; keep its secret, it is not shown again:")
        print(key.secret)

    asyncio.run(work())


@app.command(name="list", epilog="Example: winnow keys list --tenant carrier-one")
def list_keys(
    tenant: Annotated[str | None, typer.Option(help="Of this tenant alone.")] = None,
    database_url: DatabaseOption = None,
    home: HomeOption = HOME,
) -> None:
    """List keys, revoked ones too; never their secrets."""

    async def work() -> None:
        async with open_database(database_url, home) as database:
            keys = await Accounts(database).keys(tenant)
        show(("id", "tenant", "name", "scopes", "created", "revoked"), map(_row, keys))

    asyncio.run(work())


@app.command(epilog="Example: winnow keys revoke key_0123456789abcdef")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `winnow keys list` shows it.")],
    database_url: DatabaseOption = None,
    home: HomeOption = HOME,
) -> None:
    """Revoke a key for good; servers refuse it within two seconds."""

    async def work() -> None:
        async with open_database(database_url, home) as database:
            await Accounts(database).revoke_key(key_id)
        out.print(f"{key_id} is revoked")

    asyncio.run(work())


def _scopes(names: list[str]) -> tuple[Scope, ...]:
    if unknown := [name for name in names if name not in SCOPES]:
        raise typer.BadParameter(f"unknown scope {unknown[0]!r}; there are {', '.join(SCOPES)}")
    return cast("tuple[Scope, ...]", tuple(names))


def _row(key: KeyInfo) -> tuple[str, ...]:
    revoked = _minute(key.revoked_at) if key.revoked_at else ""
    return key.id, key.tenant, key.name, " ".join(key.scopes), _minute(key.created_at), revoked


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
