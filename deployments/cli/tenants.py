"""`winnow tenants`: what holds for each tenant, in the database itself."""

import asyncio
from typing import Annotated, Literal

import typer

from deployments.cli.connection import HOME, DatabaseOption, HomeOption, open_database
from deployments.cli.output import out, show
from pipeline.clients.accounts import Accounts
from pipeline.directory import TenantRow
from pipeline.errors import InvalidField
from pipeline.types import PolicyName

app = typer.Typer(no_args_is_help=True, help="List tenants, and set what holds for each of them.")

_Tenant = Annotated[str, typer.Argument(metavar="ID", help="a-z, 0-9, - and _.")]
_DEFAULT: Literal["default"] = "default"  #: the one of configs/policies.yaml


@app.command(name="list", epilog="Example: winnow tenants list")
def list_tenants(database_url: DatabaseOption = None, home: HomeOption = HOME) -> None:
    """List tenants."""

    async def work() -> None:
        async with open_database(database_url, home) as database:
            tenants = await Accounts(database).tenants()
        show(("id", "policy", "language model", "webhook"), map(_row, tenants))

    asyncio.run(work())


@app.command(name="set", epilog="Example: winnow tenants set carrier-one --policy strict")
def set_policy(
    tenant: _Tenant,
    policy: Annotated[
        Literal[PolicyName, "default"], typer.Option(help="For its messages, unless subscriber or request name one.")
    ],
    database_url: DatabaseOption = None,
    home: HomeOption = HOME,
) -> None:
    """Set a tenant's policy, and make the tenant when it is new; every replica follows within two seconds."""

    async def work() -> None:
        async with open_database(database_url, home) as database:
            await Accounts(database).put_tenant(tenant, None if policy == _DEFAULT else policy)
        out.print(f"{tenant}: {policy}")

    asyncio.run(work())


@app.command(name="intents", epilog="Example: winnow tenants intents bank-one --local-only")
def set_local_only(
    tenant: _Tenant,
    local_only: Annotated[
        bool, typer.Option("--local-only/--language-model", help="Whether its messages stay in this installation.")
    ],
    database_url: DatabaseOption = None,
    home: HomeOption = HOME,
) -> None:
    """Keep a tenant's messages from the language model, or let them go there redacted."""

    async def work() -> None:
        async with open_database(database_url, home) as database:
            await Accounts(database).set_local_only(tenant, local_only)
        out.print(f"{tenant}: {_language_model(local_only)}")

    asyncio.run(work())


@app.command(name="webhook", epilog="Example: winnow tenants webhook bank-one --url https://bank.example/winnow")
def set_webhook(
    tenant: _Tenant,
    url: Annotated[str | None, typer.Option(help="Where intents asked for with intent=async are posted.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Post no more.")] = False,
    database_url: DatabaseOption = None,
    home: HomeOption = HOME,
) -> None:
    """Tell a tenant of intents that come later; prints the secret that signs them, once."""
    if off is (url is not None):
        raise InvalidField("give either a URL or --off", field="--url")

    async def work() -> None:
        async with open_database(database_url, home) as database:
            secret = await Accounts(database).set_webhook(tenant, url)
        out.print(f"{tenant}: {f'signed with {secret}' if secret else 'no webhook'}")

    asyncio.run(work())


def _row(tenant: TenantRow) -> tuple[str, ...]:
    webhook = tenant.webhook.url if tenant.webhook else ""
    return tenant.id, tenant.policy or _DEFAULT, _language_model(tenant.local_only), webhook


def _language_model(local_only: bool) -> str:
    return "never" if local_only else "redacted"
