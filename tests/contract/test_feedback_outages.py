"""Feedback while Postgres comes and goes: nothing is lost, nothing counts twice, the label given last holds."""

import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.embedded import EmbeddedBackends
from deployments.feedback_desk import Event, FeedbackDesk
from pipeline.clients.accounts import Accounts
from pipeline.clients.feedback_log import FeedbackLog, Outcome
from pipeline.clients.postgres import Connection, Database
from pipeline.clients.redis_store import RedisStore
from pipeline.clients.spool import Spool
from pipeline.clients.store import KeyValueStore, MemoryStore
from pipeline.directory import Principal
from pipeline.errors import Unavailable
from pipeline.feedback import Feedback
from pipeline.receipts import Receipt, sign
from pipeline.wire import FeedbackRequest

SECRET = b"secret"
SENDERS = ("4f", "77")
TICK_S = 0.005

Fault = Literal["none", "refuses", "forgets to answer"]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            if await holds():
                return
            await asyncio.sleep(TICK_S)


class Flaky(Database):
    """A real Postgres behind a connection that fails, before it works or after."""

    def __init__(self, real: Database) -> None:
        super().__init__(real._pool, real._timeout_s)
        self.fault: Fault = "none"
        self.asked = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        self.asked += 1
        if self.fault == "refuses":
            raise Unavailable("down")
        async with super().connection() as connection:
            yield connection
        if self.fault == "forgets to answer":
            raise Unavailable("down")


class Machine:
    """Replicas that share a spool and a store of reputations, and each has a connection of its own."""

    def __init__(
        self,
        database: Database,
        store: KeyValueStore,
        folder: Path,
        url: str,
        replicas: int = 2,
        interval_s: float = TICK_S,
    ) -> None:
        self.databases = [Flaky(database) for _ in range(replicas)]
        self.spools = [Spool(folder, url, 2**20) for _ in range(replicas)]
        self.events: list[Event] = []
        self.desks = [
            FeedbackDesk(each, store, (SECRET,), spool, on_event=self.events.append, interval_s=interval_s)
            for each, spool in zip(self.databases, self.spools, strict=True)
        ]

    def start(self) -> None:
        for desk in self.desks:
            desk.start()

    def fail(self, fault: Fault) -> None:
        for database in self.databases:
            database.fault = fault

    async def emptied(self) -> None:
        """Return when nothing waits any more."""
        await until(self._is_empty)

    async def _is_empty(self) -> bool:
        return await self.spools[0].count() == 0

    async def stop(self) -> None:
        for desk in self.desks:
            await desk.stop()


@pytest.fixture
async def tenant(database: Database, unique: str) -> str:
    await Accounts(database).put_tenant(unique, None)
    return unique


@pytest.fixture
def principal(tenant: str) -> Principal:
    return principal_of(tenant)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def build(
    database: Database, backends: EmbeddedBackends, store: MemoryStore, tmp_path: Path
) -> Callable[[int], Machine]:
    return lambda replicas: Machine(database, store, tmp_path, backends.database_url, replicas)


@pytest.fixture
async def machine(build: Callable[[int], Machine]) -> AsyncIterator[Machine]:
    made = build(2)
    yield made
    await made.stop()


def principal_of(tenant: str) -> Principal:
    return Principal(tenant, "key_test", frozenset({"feedback"}))


def receipt(tenant: str, number: int = 0, prefix: str = "") -> str:
    sender = prefix + SENDERS[number % len(SENDERS)]
    arms = {"spam": ("distilbert/4", 2)}
    return sign(SECRET, Receipt(f"r-{number}", tenant, arms, {}, {}, {}, sender, "", int(time.time())))


async def rows(database: Database, tenant: str) -> list[tuple[object, ...]]:
    query = "select receipt_id, task, label, text, sender_key from spam_feedback where tenant = $1 order by 1, 2"
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(query, tenant)]


async def test_feedback_is_spooled_and_replayed(
    machine: Machine, database: Database, store: MemoryStore, principal: Principal
) -> None:
    machine.fail("refuses")
    for number in range(5):
        asked = FeedbackRequest(label="spam", receipt=receipt(principal.tenant, 2 * number), text="text")
        answer = await machine.desks[number % 2].feedback(asked, principal)
        assert answer == {"status": "spooled", "credited_to": "distilbert/4"}
    assert await rows(database, principal.tenant) == []
    machine.fail("none")
    machine.start()
    await machine.emptied()
    stored = await rows(database, principal.tenant)
    assert stored == [(f"r-{2 * number}", "spam", "spam", "text", "4f") for number in range(5)]
    assert await store.reputations(["4f"]) == [(4, 0)], "of one tenant no more count"
    assert machine.events == ["spooled"] * 5 + ["stored"] * 5


async def test_after_a_failure_nobody_waits_for_postgres(machine: Machine, principal: Principal) -> None:
    machine.fail("refuses")
    for number in range(6):
        await machine.desks[0].feedback(
            FeedbackRequest(label="ham", receipt=receipt(principal.tenant, number)), principal
        )
    assert machine.databases[0].asked == 1
    machine.fail("none")
    machine.start()
    await machine.emptied()
    asked = FeedbackRequest(label="ham", receipt=receipt(principal.tenant, 9))

    async def reaches_postgres() -> bool:
        return (await machine.desks[0].feedback(asked, principal))["status"] != "spooled"

    await until(reaches_postgres)  # each replica finds out for itself


async def test_a_dead_replica_leaves_its_feedback_to_the_others(
    build: Callable[[int], Machine], database: Database, principal: Principal
) -> None:
    dead = build(1)
    dead.fail("refuses")
    await dead.desks[0].feedback(FeedbackRequest(label="ham", receipt=receipt(principal.tenant)), principal)
    await dead.stop()
    heir = build(1)
    heir.start()
    await heir.emptied()
    assert [row[:3] for row in await rows(database, principal.tenant)] == [("r-0", "spam", "ham")]
    await heir.stop()


async def test_replicas_that_replay_at_once_count_once(
    build: Callable[[int], Machine], database: Database, store: MemoryStore, principal: Principal
) -> None:
    machine = build(4)
    machine.fail("refuses")
    for number in range(120):
        await machine.desks[number % 4].feedback(
            FeedbackRequest(label="spam", receipt=receipt(principal.tenant, number % 6)), principal
        )
    machine.fail("none")
    machine.start()
    await machine.emptied()
    await machine.stop()
    assert len(await rows(database, principal.tenant)) == 6
    assert await store.reputations(SENDERS) == [(3, 0), (3, 0)]
    assert machine.events.count("stored") == 6


async def test_what_postgres_refuses_is_dropped_without_a_word_of_it(
    machine: Machine, database: Database, principal: Principal, caplog: pytest.LogCaptureFixture
) -> None:
    said = [
        Feedback(tenant="nobody", receipt_id="r-0", label="spam", text="Zebediah", given_at=1.0),
        Feedback(tenant=principal.tenant, receipt_id="r\0", label="spam", text="Zebediah", given_at=1.0),
        Feedback(tenant=principal.tenant, receipt_id="r-1", label="SPAM", text="Zebediah", given_at=1.0),
        Feedback(tenant=principal.tenant, receipt_id="r-2", label="spam", text="Zebediah", given_at=1.0),
    ]
    for one in said:
        await machine.spools[0].keep(one)
    machine.start()
    await machine.emptied()
    assert [row[0] for row in await rows(database, principal.tenant)] == ["r-2"]
    assert machine.events == ["dropped", "dropped", "dropped", "stored"]
    assert [record.message.rpartition(" ")[2] for record in caplog.records] == [
        "not_found",
        "invalid_field",
        "invalid_field",
    ]
    assert "Zebediah" not in caplog.text


async def test_one_that_postgres_fails_at_keeps_nobody_else_waiting(
    machine: Machine, database: Database, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def add(log: FeedbackLog, feedback: Feedback) -> Outcome:
        if feedback.receipt_id == "r-0":
            raise Unavailable("at this one it always fails")
        return await real_add(log, feedback)

    real_add: Callable[[FeedbackLog, Feedback], Awaitable[Outcome]] = FeedbackLog.add
    monkeypatch.setattr(FeedbackLog, "add", add)
    for number in range(3):
        await machine.spools[0].keep(
            Feedback(tenant=principal.tenant, receipt_id=f"r-{number}", label="spam", given_at=1.0)
        )
    machine.start()

    async def others_are_through() -> bool:
        return await machine.spools[0].count() == 1

    await until(others_are_through)
    assert [row[0] for row in await rows(database, principal.tenant)] == ["r-1", "r-2"]
    monkeypatch.undo()
    await machine.emptied()
    assert len(await rows(database, principal.tenant)) == 3


async def test_a_full_spool_is_said_to_the_caller(
    database: Database, backends: EmbeddedBackends, store: MemoryStore, principal: Principal, tmp_path: Path
) -> None:
    flaky = Flaky(database)
    flaky.fault = "refuses"
    desk = FeedbackDesk(flaky, store, (SECRET,), Spool(tmp_path, backends.database_url, 2**16))
    kept = 0
    with pytest.raises(Unavailable, match="full") as refused:
        while True:
            asked = FeedbackRequest(label="spam", message_id=f"m-{kept}", text="text " * 200)
            await desk.feedback(asked, principal)
            kept += 1
    assert refused.value.retry_after_s and refused.value.field is None
    flaky.fault = "none"
    desk.start()

    async def all_are_stored() -> bool:
        return len(await rows(database, principal.tenant)) == kept

    await until(all_are_stored)
    await desk.stop()


async def test_postgres_stops_and_starts(
    machine: Machine, database: Database, backends: EmbeddedBackends, store: MemoryStore, principal: Principal
) -> None:
    machine.start()
    said = [("spam", 0), ("ham", 0), ("spam", 2), ("otp", 0), ("ham", 2), ("spam", 2), ("ham", 4)]
    statuses = []
    for place, (label, number) in enumerate(said):
        if place == 2:
            backends.postgres.stop()
        if place == 5:
            backends.postgres.start()
        asked = FeedbackRequest(label=label, receipt=receipt(principal.tenant, number))
        statuses.append((await machine.desks[place % 2].feedback(asked, principal))["status"])
    assert statuses[:5] == ["stored", "changed", "spooled", "spooled", "spooled"]
    await machine.emptied()
    assert [row[:3] for row in await rows(database, principal.tenant)] == [
        ("r-0", "otp", "otp"),
        ("r-0", "spam", "ham"),
        ("r-2", "spam", "spam"),
        ("r-4", "spam", "ham"),
    ]
    assert await store.reputations(["4f"]) == [(1, 2)]


class Said(msgspec.Struct, frozen=True):
    replica: int
    receipt: int
    label: str
    text: str | None


class Turn(msgspec.Struct, frozen=True):
    """A fault that begins or ends at one replica."""

    replica: int
    fault: Fault


History = list[Said | Turn]
Rows = dict[tuple[object, object], tuple[object, object]]  #: receipt and task to label and text
End = tuple[Rows, list[tuple[int, int]]]  #: and the reputation of each sender


def histories(*faults: Fault) -> st.SearchStrategy[History]:
    """Faults begin and end, and after each turn the replicas are told a few labels, mostly of the same receipts."""
    replicas = st.integers(0, 1)
    texts = st.sampled_from([None, None, "a", "b"])
    said = st.builds(Said, replicas, st.integers(0, 1), st.sampled_from(["spam", "ham", "otp"]), texts)
    spread = st.builds(Said, replicas, st.integers(0, 15), st.sampled_from(["spam", "ham"]), st.none())
    turns = st.builds(Turn, replicas, st.sampled_from([*faults, "none"]))
    stretches = st.tuples(turns, st.lists(st.one_of(said, said, spread), min_size=2, max_size=8))
    return st.lists(stretches, min_size=2, max_size=5).map(
        lambda chosen: [step for turn, labels in chosen for step in (turn, *labels)]
    )


def without_outages(history: History) -> End:
    """What must be in the end: of each receipt and task the last label and the last text, and what they count."""
    labels: Rows = {}
    for said in history:
        if isinstance(said, Said):
            key = (f"r-{said.receipt}", "otp" if said.label == "otp" else "spam")
            labels[key] = (said.label, said.text or labels.get(key, (None, None))[1])
    said = [of_sender(labels, sender) for sender in range(len(SENDERS))]
    return labels, [(min(4, each.count("spam")), min(4, each.count("ham"))) for each in said]


def of_sender(labels: Rows, sender: int) -> list[object]:
    """Labels of its receipts that say something of it."""
    return [
        label
        for (name, task), (label, _) in labels.items()
        if task == "spam" and int(str(name)[2:]) % len(SENDERS) == sender
    ]


async def with_outages(history: History, backends: EmbeddedBackends, interval_s: float, folder: str) -> End:
    database = await Database.open(backends.database_url)
    await database.migrate()
    tenant = f"t{uuid.uuid4().hex[:12]}"
    await Accounts(database).put_tenant(tenant, None)
    store = RedisStore(backends.redis_url, timeout_s=5.0)
    machine = Machine(database, store, Path(folder), backends.database_url, interval_s=interval_s)
    machine.start()
    for step in history:
        if isinstance(step, Turn):
            machine.databases[step.replica].fault = step.fault
        else:
            asked = FeedbackRequest(label=step.label, receipt=receipt(tenant, step.receipt, tenant), text=step.text)
            await machine.desks[step.replica].feedback(asked, principal_of(tenant))
    machine.fail("none")
    await machine.emptied()
    await machine.stop()
    ended = await rows(database, tenant)
    counts = await store.reputations([tenant + sender for sender in SENDERS])
    await store.close()
    await database.close()
    return {(name, task): (label, text) for name, task, label, text, _ in ended}, counts


def lived(history: History, backends: EmbeddedBackends, interval_s: float) -> End:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(with_outages(history, backends, interval_s, folder))


#: Of the replay: from hardly behind what is said directly to far behind it.
intervals = st.sampled_from([0.05, 0.2, 0.002])


@given(histories("refuses"), intervals)
@settings(max_examples=60)
def test_outages_leave_no_trace(backends: EmbeddedBackends, history: History, interval_s: float) -> None:
    assert lived(history, backends, interval_s) == without_outages(history)


@given(histories("refuses", "forgets to answer"), intervals)
@settings(max_examples=60)
def test_an_answer_that_is_lost_doubles_nothing(
    backends: EmbeddedBackends, history: History, interval_s: float
) -> None:
    rows_of, counts = lived(history, backends, interval_s)
    expected, _ = without_outages(history)
    assert rows_of == expected
    for sender, (spam, ham) in enumerate(counts):  # a count may be lost, and then a correction finds nothing to move
        assert spam + ham <= len(of_sender(expected, sender))
