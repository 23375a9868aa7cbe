"""The slow business of a tenant: policies, the list of models."""

from collections.abc import Mapping
from typing import Any

from model_store.manifest import Manifest
from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from pipeline.directory import Principal
from pipeline.errors import InvalidField
from pipeline.senders import canonical_address
from pipeline.types import PolicyName


class Office:
    """
    Args:
        database: Postgres.
        manifests: of the loaded versions.
    """

    def __init__(self, database: Database, manifests: Mapping[str, Manifest]) -> None:
        self._accounts = Accounts(database)
        self._manifests = manifests

    async def set_policy(
        self, subscriber: str, policy: PolicyName | None, principal: Principal
    ) -> dict[str, str | None]:
        """Set one subscriber's policy; None returns to the tenant's.

        Raises:
            InvalidField: the subscriber's name is empty, too long or cannot be stored.
            Unavailable: Postgres is down.
        """
        address = canonical_address(subscriber)
        if not 1 <= len(address) <= 64 or "\0" in address:
            raise InvalidField("must have 1 to 64 characters, none of them NUL", field="subscriber")
        await self._accounts.put_subscriber(principal.tenant, address, policy)
        return {"subscriber": address, "policy": policy}

    def models(self) -> list[dict[str, Any]]:
        """The loaded versions, from their manifests."""
        return [
            {"ref": ref, "kind": m.kind, "created": m.created, "description": m.description, "metrics": m.metrics}
            for ref, m in self._manifests.items()
        ]
