"""Who may call, what thresholds apply to whom, and how traffic is shared out: a snapshot, held in memory.

Every request reads it, so it answers from dictionaries and never waits. A snapshot never changes; changes make
the next one.
"""

from hashlib import sha256
from typing import Literal, get_args

import msgspec

from pipeline.routing import Experiment
from pipeline.types import PolicyName

Scope = Literal["classify", "feedback", "admin"]

SCOPES: tuple[Scope, ...] = get_args(Scope)


class Principal(msgspec.Struct, frozen=True, gc=False):
    """Who calls."""

    tenant: str
    key_id: str
    scopes: frozenset[str]


class Webhook(msgspec.Struct, frozen=True):
    """Where a tenant is told of intents that come later."""

    url: str
    secret: str  #: signs what is posted


class TenantRow(msgspec.Struct, frozen=True):
    id: str
    policy: PolicyName | None
    local_only: bool = False  #: its messages never go to a language model
    webhook: Webhook | None = None


class KeyRow(msgspec.Struct, frozen=True):
    id: str
    tenant: str
    hash: bytes  #: of the secret, see `hash_key`
    scopes: frozenset[str]
    revoked: bool


class SubscriberRow(msgspec.Struct, frozen=True):
    tenant: str
    id: str
    policy: PolicyName | None  #: None: no longer has one of its own


class Changes(msgspec.Struct, frozen=True):
    """Rows as they are now. A row may come again; it replaces what was known of it."""

    tenants: tuple[TenantRow, ...] = ()
    keys: tuple[KeyRow, ...] = ()
    subscribers: tuple[SubscriberRow, ...] = ()
    experiments: tuple[Experiment, ...] = ()  #: without arms: it has ended

    def __bool__(self) -> bool:
        return bool(self.tenants or self.keys or self.subscribers or self.experiments)


class Directory:
    """An immutable snapshot."""

    __slots__ = ("_default_policy", "_experiments", "_keys", "_subscribers", "_tenants")

    def __init__(
        self,
        tenants: dict[str, TenantRow] | None = None,
        keys: dict[bytes, Principal] | None = None,
        subscribers: dict[tuple[str, str], PolicyName] | None = None,
        experiments: dict[str, Experiment] | None = None,
        default_policy: PolicyName = "moderate",
    ) -> None:
        self._tenants = tenants or {}
        self._keys = keys or {}
        self._subscribers = subscribers or {}
        self._experiments = experiments or {}
        self._default_policy = default_policy

    def authenticate(self, key: str) -> Principal | None:
        """Whose key this is; None when it is unknown or revoked.

        Looking the hash up in a dictionary takes a time that depends on the hash alone, of which a caller who
        does not hold the key cannot choose a prefix: there is nothing to learn from it.
        """
        return self._keys.get(hash_key(key))

    def policy_for(self, tenant: str, recipient: str, requested: PolicyName | None) -> PolicyName:
        """The request's own policy, else the recipient's, else the tenant's, else the default."""
        row = self._tenants.get(tenant)
        own = row.policy if row else None
        return requested or self._subscribers.get((tenant, recipient)) or own or self._default_policy

    def is_local_only(self, tenant: str) -> bool:
        """Whether the tenant's messages must not leave this installation."""
        row = self._tenants.get(tenant)
        return row is not None and row.local_only

    def webhook(self, tenant: str) -> Webhook | None:
        """Where the tenant is told of intents that come later."""
        row = self._tenants.get(tenant)
        return row.webhook if row else None

    def experiment(self, task: str) -> Experiment | None:
        """The one in force; None: the default version answers."""
        return self._experiments.get(task)

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        return tuple(self._experiments.values())

    def apply(self, changes: Changes) -> "Directory":
        """The snapshot after `changes`; what may be large is copied only when it changed."""
        return Directory(
            self._tenants | {row.id: row for row in changes.tenants},
            _merge_keys(self._keys, changes.keys) if changes.keys else self._keys,
            _merge_subscribers(self._subscribers, changes.subscribers) if changes.subscribers else self._subscribers,
            _merge_experiments(self._experiments, changes.experiments),
            self._default_policy,
        )


def hash_key(key: str) -> bytes:
    """SHA-256, 32 bytes. Keys carry 256 random bits, so that no slow hash is needed to keep them from being guessed."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def read_tenant(
    id_: str, policy: PolicyName | None, local_only: bool, url: str | None, secret: str | None
) -> TenantRow:
    """A row of the table."""
    return TenantRow(id_, policy, local_only, Webhook(url, secret) if url and secret else None)


def _merge_keys(known: dict[bytes, Principal], rows: tuple[KeyRow, ...]) -> dict[bytes, Principal]:
    merged = dict(known)
    for row in rows:
        if row.revoked:
            merged.pop(row.hash, None)
        else:
            merged[row.hash] = Principal(row.tenant, row.id, row.scopes)
    return merged


def _merge_experiments(known: dict[str, Experiment], rows: tuple[Experiment, ...]) -> dict[str, Experiment]:
    newest = known | {row.task: row for row in rows}
    return {task: experiment for task, experiment in newest.items() if experiment.arms}


def _merge_subscribers(
    known: dict[tuple[str, str], PolicyName], rows: tuple[SubscriberRow, ...]
) -> dict[tuple[str, str], PolicyName]:
    merged = dict(known)
    for row in rows:
        if row.policy is None:
            merged.pop((row.tenant, row.id), None)
        else:
            merged[row.tenant, row.id] = row.policy
    return merged
