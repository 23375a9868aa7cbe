"""Feedback: taken in whether Postgres is there or not, and what follows for the reputation of senders."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

from pipeline.breaker import Breaker
from pipeline.clients.feedback_log import FeedbackLog, Outcome, Status
from pipeline.clients.postgres import Database
from pipeline.clients.spool import Spool, Waiting
from pipeline.clients.store import KeyValueStore
from pipeline.directory import Principal
from pipeline.errors import InvalidField, Unavailable, WinnowError, describe
from pipeline.feedback import Feedback, FeedbackSettings, for_message
from pipeline.receipts import verify
from pipeline.wire import FEEDBACK_LABELS, FeedbackRequest

log = logging.getLogger(__name__)

#: "dropped": it waited in the spool, and then Postgres refused it.
Event = Literal["stored", "changed", "repeated", "outdated", "spooled", "dropped"]

_BATCH = 100


class FeedbackDesk:
    """Takes labels, and brings those that waited in the spool to Postgres.

    After a failure nobody waits for Postgres: feedback goes to the spool at once, until a ping in the background is
    answered. What waits is then replayed, by one replica of the machine at a time. Each label carries the time at which
    it was given, so it does not matter that others overtake it. One that was stored though Postgres seemed to fail, or
    that is replayed twice after a crash, is "repeated" and has no further effect; all that it may have lost is its part
    in the sender's reputation.

    Args:
        database: Postgres.
        reputations: counts what feedback says of senders, of all tenants together.
        receipt_secrets: what receipts are signed with now, then what they were signed with earlier.
        spool: keeps what Postgres cannot take.
        reports_per_tenant: what one tenant says of one sender counts so many times each way.
        on_event: hears what became of each label, also of those that are replayed.
        interval_s: between looks at the spool, and between pings while Postgres is away.
    """

    def __init__(
        self,
        database: Database,
        reputations: KeyValueStore,
        receipt_secrets: Sequence[bytes],
        spool: Spool,
        *,
        reports_per_tenant: int = FeedbackSettings().reports_per_tenant,
        on_event: Callable[[Event], None] = lambda _: None,
        interval_s: float = 1.0,
    ) -> None:
        self._log = FeedbackLog(database)
        self._reputations = reputations
        self._receipt_secrets = tuple(receipt_secrets)
        self._spool = spool
        self._reports_per_tenant = reports_per_tenant
        self._on_event = on_event
        self._interval_s = interval_s
        self._breaker = Breaker(threshold=1, probe_interval_s=interval_s)
        self._task: asyncio.Task[None] | None = None
        self._failed = 0  # the label in the spool that Postgres failed at last
        self._passed = 0  # those up to here are passed over, as it failed at the last of them twice
        self._trouble = ""

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_replaying())

    async def stop(self) -> None:
        """What waits is left to the other replicas, or to the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._spool.close()

    async def feedback(self, asked: FeedbackRequest, principal: Principal) -> dict[str, str | None]:
        """Keep a label, credited to the arm that the receipt names for the label's task.

        Raises:
            InvalidField: unknown label, invalid receipt, or neither receipt nor message_id.
            NotFound: there is no such tenant any more.
            Unavailable: Postgres is down and the spool is full.
        """
        if asked.label not in FEEDBACK_LABELS:
            raise InvalidField(f"must be one of {', '.join(sorted(FEEDBACK_LABELS))}", field="$.label")
        for field in ("text", "message_id"):
            if "\0" in (getattr(asked, field) or ""):
                raise InvalidField("contains a NUL character", field=f"$.{field}")
        record = self._record(asked, principal.tenant)
        return {"status": await self._keep(record), "credited_to": record.credited_to}

    def _record(self, asked: FeedbackRequest, tenant: str) -> Feedback:
        now = time.time()
        if asked.receipt is None:
            if asked.message_id is None:
                raise InvalidField("needs a receipt or a message_id", field="$.receipt")
            return Feedback(
                tenant=tenant,
                receipt_id=for_message(asked.message_id),
                message_id=asked.message_id,
                label=asked.label,
                text=asked.text,
                given_at=now,
            )
        receipt = verify(self._receipt_secrets, asked.receipt, tenant, now=now)
        return Feedback(
            tenant=tenant,
            receipt_id=receipt.id,
            message_id=asked.message_id,
            label=asked.label,
            text=asked.text,
            arms=receipt.arms,
            models=receipt.models,
            decisions=receipt.decisions,
            scores=receipt.scores,
            sender_key=receipt.sender_key,
            recipient_key=receipt.recipient_key,
            given_at=now,
        )

    async def _keep(self, record: Feedback) -> Event:
        if self._breaker.state == "closed":
            try:
                return await self._store(record)
            except Unavailable as error:
                self._postgres_failed(error)
        await self._spool.keep(record)
        self._on_event("spooled")
        return "spooled"

    async def _store(self, record: Feedback) -> Status:
        outcome = await self._log.add(record)
        await self._count(record, outcome)
        self._on_event(outcome.status)
        return outcome.status

    async def _count(self, record: Feedback, outcome: Outcome) -> None:
        """Reputation follows the task "spam" alone: one receipt is one report, moved when the label changes."""
        if record.spam is None or not record.sender_key:
            return
        report = (record.sender_key, record.tenant, record.spam, self._reports_per_tenant)
        if outcome.status == "stored":
            await self._reputations.report(*report)
        elif outcome.replaced:
            await self._reputations.correct(*report)

    def _postgres_failed(self, error: Unavailable) -> None:
        if self._breaker.state == "closed":
            log.warning("feedback is spooled: %s", error.detail)
        self._breaker.failure(time.monotonic())

    async def _keep_replaying(self) -> None:
        while True:
            try:
                if await self._postgres_answers():
                    await self._replay()
                self._trouble = ""
            except Exception as error:  # the spool may come back as well
                self._tell(error)
            await asyncio.sleep(self._interval_s)

    def _tell(self, error: Exception) -> None:
        """Log it, but not every second."""
        trouble = error.detail if isinstance(error, WinnowError) else describe(error)
        if trouble != self._trouble:
            log.error("feedback that waits is not replayed: %s", trouble)
        self._trouble = trouble

    async def _postgres_answers(self) -> bool:
        if self._breaker.state == "closed":
            return True
        if not self._breaker.allow(time.monotonic()):
            return False
        try:
            await self._log.ping()
        except Unavailable as error:
            self._postgres_failed(error)
            return False
        self._breaker.success()
        log.info("the database takes feedback again")
        return True

    async def _replay(self) -> None:
        """Bring all that waits to Postgres, in order, unless another replica is at it."""
        if not await self._spool.take_turn():
            return
        try:
            while batch := await self._spool.oldest(_BATCH, after=self._passed):
                if not await self._replay_batch(batch):
                    return
            self._passed = 0  # another try for those that were passed over
        finally:
            await self._spool.end_turn()

    async def _replay_batch(self, batch: Sequence[Waiting]) -> bool:
        """Whether Postgres held out to the end."""
        settled: list[int] = []
        try:
            for waiting in batch:
                await self._settle(waiting)
                settled.append(waiting.id)
        except Unavailable as error:
            self._postgres_failed(error)
            self._passed = waiting.id if waiting.id == self._failed else self._passed
            self._failed = waiting.id
            return False
        finally:
            if settled:
                await self._spool.forget(settled)
        return True

    async def _settle(self, waiting: Waiting) -> None:
        """Store it, or drop what never can be; raises Unavailable."""
        try:
            if waiting.feedback is None:
                raise InvalidField("this version cannot read it")
            await self._store(waiting.feedback)
        except Unavailable:
            raise
        except WinnowError as error:
            log.warning("a label that waited for the database is dropped: %s", error.code)
            self._on_event("dropped")
