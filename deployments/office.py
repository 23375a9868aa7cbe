"""The slow business of a tenant: feedback, experiments, policies, the list of models."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from model_store.manifest import Manifest
from pipeline.classifier import SPAM_TASK
from pipeline.clients.accounts import Accounts
from pipeline.clients.experiments import Experiments, Setup
from pipeline.clients.feedback_log import FeedbackLog, Outcome
from pipeline.clients.postgres import Database
from pipeline.clients.store import KeyValueStore
from pipeline.directory import Principal
from pipeline.errors import InvalidField, NotFound
from pipeline.feedback import Feedback, for_message
from pipeline.receipts import verify
from pipeline.routing import Experiment, check_arms
from pipeline.senders import canonical_address
from pipeline.types import PolicyName
from pipeline.wire import FEEDBACK_LABELS, ExperimentRequest, FeedbackRequest


class Office:
    """
    Args:
        database: Postgres.
        reputations: counts what feedback says of senders, of all tenants together.
        receipt_secrets: what receipts are signed with now, then what they were signed with earlier.
        manifests: of the loaded versions.
        transformers: versions that an experiment may name.
    """

    def __init__(
        self,
        database: Database,
        reputations: KeyValueStore,
        receipt_secrets: Sequence[bytes],
        manifests: Mapping[str, Manifest],
        transformers: Sequence[str],
    ) -> None:
        self._accounts = Accounts(database)
        self._experiments = Experiments(database)
        self._log = FeedbackLog(database)
        self._reputations = reputations
        self._receipt_secrets = tuple(receipt_secrets)
        self._manifests = manifests
        self._transformers = tuple(transformers)

    async def feedback(self, asked: FeedbackRequest, principal: Principal) -> dict[str, str | None]:
        """Store a label, credited to the arm that the receipt names.

        Raises:
            InvalidField: unknown label, invalid receipt, or neither receipt nor message_id.
            Unavailable: Postgres is down.
        """
        if asked.label not in FEEDBACK_LABELS:
            raise InvalidField(f"must be one of {', '.join(sorted(FEEDBACK_LABELS))}", field="$.label")
        for field in ("text", "message_id"):
            if "\0" in (getattr(asked, field) or ""):
                raise InvalidField("contains a NUL character", field=f"$.{field}")
        record = self._record(asked, principal.tenant)
        outcome = await self._log.add(record)
        await self._count(record, outcome)
        return {"status": outcome.status, "credited_to": record.experiment_arm or None}

    async def _count(self, record: Feedback, outcome: Outcome) -> None:
        """Reputation follows the task "spam" alone: one receipt is one report, moved when the label changes."""
        if record.spam is None or not record.sender_key:
            return
        if outcome.status == "stored":
            await self._reputations.report(record.sender_key, record.spam)
        elif outcome.replaced:
            await self._reputations.correct(record.sender_key, record.spam)

    def _record(self, asked: FeedbackRequest, tenant: str) -> Feedback:
        if asked.receipt is None:
            if asked.message_id is None:
                raise InvalidField("needs a receipt or a message_id", field="$.receipt")
            return Feedback(
                tenant=tenant,
                receipt_id=for_message(asked.message_id),
                message_id=asked.message_id,
                label=asked.label,
                text=asked.text,
            )
        receipt = verify(self._receipt_secrets, asked.receipt, tenant, now=time.time())
        return Feedback(
            tenant=tenant,
            receipt_id=receipt.id,
            message_id=asked.message_id,
            label=asked.label,
            text=asked.text,
            experiment_task=receipt.task,
            experiment_arm=receipt.arm,
            experiment_revision=receipt.revision,
            models=receipt.models,
            scores=receipt.scores,
            sender_key=receipt.sender_key,
        )

    async def change_experiment(self, task: str, asked: ExperimentRequest, principal: Principal) -> Experiment:
        """Set weights; every replica follows within two seconds.

        Raises:
            NotFound: no such task.
            InvalidField: an arm is not loaded, or a weight makes no sense.
            Conflict: `revision` is not the current one.
            Unavailable: Postgres is down.
        """
        if task != SPAM_TASK:
            raise NotFound(f"weights are routed for the task {SPAM_TASK!r} alone")
        check_arms(asked.arms, self._transformers)
        return await self._experiments.put(
            task,
            Setup(asked.arms, asked.sticky_by),
            who=principal.key_id,
            why=asked.why,
            expected_revision=asked.revision,
        )

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
