"""`winnow tenants`: the policy of each tenant, in the database itself."""

import asyncio
from typing import Annotated, Literal

import typer

from deployments.cli.connection import HOME, DatabaseOption, HomeOption, open_database
from deployments.cli.output import out, show
from pipeline.clients.accounts import Accounts
from pipeline.types import PolicyName

app = typer.Typer(no_args_is_help=True, help="List tenants and set their policies.")

_DEFAULT: Literal["default"] = "default"  #: the one of configs/policies.yaml


@app.command(name="list", epilog="Example: winnow tenants list")
def list_tenants(database_url: DatabaseOption = None, home: HomeOption = HOME) -> None:
    """List tenants with their policies."""

    async def work() -> None:
        async with open_database(database_url, home) as database:
            tenants = await Accounts(database).tenants()
        show(("id", "policy"), ((tenant.id, tenant.policy or _DEFAULT) for tenant in tenants))

    asyncio.run(work())


@app.command(name="set", epilog="Example: winnow tenants set carrier-one --policy strict")
def set_policy(
    tenant: Annotated[str, typer.Argument(metavar="ID", help="a-z, 0-9, - and _. Made when it is new.")],
    policy: Annotated[
        Literal[PolicyName, "default"], typer.Option(help="For its messages, unless subscriber or request name one.")
    ],
    database_url: DatabaseOption = None,
    home: HomeOption = HOME,
) -> None:
    """Set a tenant's policy; every replica follows within two seconds."""

    async def work() -> None:
        async with open_database(database_url, home) as database:
            await Accounts(database).put_tenant(tenant, None if policy == _DEFAULT else policy)
        out.print(f"{tenant}: {policy}")

    asyncio.run(work())
