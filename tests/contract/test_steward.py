"""Experiments that look after themselves, on a real Postgres: no model, no HTTP."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import msgspec
import pytest

from deployments.steward import Steward
from pipeline.clients.experiments import Experiments
from pipeline.clients.postgres import Database
from pipeline.clients.trial_reports import TrialReports
from pipeline.clients.trials import Trials
from pipeline.course import EvidenceSettings
from pipeline.errors import Unavailable
from pipeline.evidence import Count
from pipeline.guardrails import Limits, Step
from pipeline.ramps import Ramp
from pipeline.routing import Experiment
from pipeline.tally import Tally
from pipeline.trail import Setup
from tests.support.trials import add_labels, add_tenants, eventually, legitimate, row

OLD, NEW = "net/3", "net/4"
SETTINGS = EvidenceSettings(label_bucket_s=0.25, failure_bucket_s=0.25, tenant_labels=10_000, tick_s=0.05)
HALVES = Setup({OLD: 0.5, NEW: 0.5}, control=OLD)


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """One of its own: experiments and the lead are those of a whole database."""
    opened = await Database.open(empty_url)
    await opened.migrate()
    await add_tenants(opened, "acme")
    yield opened
    await opened.close()


class Replicas:
    """Stewards, each with a pool of its own, as in processes of their own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._running: list[tuple[Steward, Database]] = []

    async def start(self, tally: Tally | None = None) -> Database:
        database = await Database.open(self._url)
        steward = Steward(database, tally or Tally(), Experiments(database), SETTINGS)
        steward.start()
        self._running.append((steward, database))
        return database

    async def stop(self) -> None:
        for steward, database in self._running:
            await steward.stop()
            await database.close()


@pytest.fixture
async def replicas(empty_url: str) -> AsyncIterator[Replicas]:
    running = Replicas(empty_url)
    yield running
    await running.stop()


async def counted(database: Database) -> tuple[Count, Count]:
    """Labels of legitimate messages that count as evidence, of the first treatment."""
    (compared, *_) = (report := await TrialReports(database, SETTINGS).report("spam")).compared
    return tuple(Count(each.fpr.hits, each.fpr.rows) for each in (report.control, compared.treatment))  # type: ignore[return-value]


def until_rows(database: Database, rows: int) -> Callable[[], Awaitable[tuple[Count, Count] | None]]:
    async def ask() -> tuple[Count, Count] | None:
        found = await counted(database)
        return found if found[0].rows + found[1].rows >= rows else None

    return ask


def until(database: Database, holds: Callable[[Experiment], bool]) -> Callable[[], Awaitable[Experiment | None]]:
    async def ask() -> Experiment | None:
        found = await Experiments(database).get("spam")
        return found if holds(found) else None

    return ask


async def test_a_bad_model_is_rolled_back_by_itself(
    database: Database, replicas: Replicas, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    experiments, rng = Experiments(database), random.Random(1)
    await experiments.put("spam", HALVES, who="ann")
    await replicas.start()

    async def labels_arrive() -> Experiment | None:
        await add_labels(database, legitimate(rng, OLD, 0.02, 20) + legitimate(rng, NEW, 0.2, 20))
        found = await experiments.get("spam")
        return found if found.arms[NEW] == 0.0 else None

    stopped = await eventually(labels_arrive)
    assert stopped.arms[OLD] > 0.0
    newest, _ = await experiments.history("spam")
    assert (newest.changed_by, newest.act) == ("guardrail", "stop")
    assert newest.why.startswith(f"{NEW} flags more legitimate messages than {OLD}")
    await asyncio.sleep(4 * SETTINGS.tick_s)
    assert (await experiments.get("spam")).revision == stopped.revision  # it is not stopped twice
    assert any(f"stop of {NEW}" in record.message for record in caplog.records)


async def test_a_model_that_is_alike_is_left_alone(database: Database, replicas: Replicas) -> None:
    experiments, rng = Experiments(database), random.Random(2)
    await experiments.put("spam", HALVES, who="ann")
    await replicas.start()
    for _ in range(15):
        await add_labels(database, legitimate(rng, OLD, 0.1, 40) + legitimate(rng, NEW, 0.1, 40))
        await asyncio.sleep(0.1)
    control, treatment = await eventually(until_rows(database, 1200))
    assert (control.rows, treatment.rows) == (600, 600)
    assert (await experiments.get("spam")).revision == 1


async def test_a_good_model_goes_all_the_way_up_the_ramp(database: Database, replicas: Replicas) -> None:
    experiments, rng, tally = Experiments(database), random.Random(3), Tally()
    await experiments.put("spam", Setup({OLD: 1.0}, control=OLD), who="ann")
    ramp = Ramp(NEW, (Step(0.1, exposures=100), Step(0.5, labels=60, margin=0.2), Step(1.0)), Limits())
    await experiments.start_ramp("spam", ramp, who="ann")
    await replicas.start(tally)

    async def traffic() -> Experiment | None:
        found = await experiments.get("spam")
        for arm in (OLD, NEW):
            for _ in range(60):
                tally.exposed("spam", arm, "u", False, 0.01)
            await add_labels(database, legitimate(rng, arm, 0.01, 20, found.revision))
        return found if found.control == NEW else None

    promoted = await eventually(traffic)
    assert (promoted.arms, promoted.began, promoted.ramp) == ({NEW: 1.0}, {}, None)
    trail = [(each.act, each.changed_by) for each in await experiments.history("spam")]
    assert trail == [("promote", "ramp"), ("advance", "ramp"), ("advance", "ramp"), ("ramp", "ann"), ("set", "ann")]


async def test_failures_stop_a_ramp(database: Database, replicas: Replicas) -> None:
    experiments, tally, ids = Experiments(database), Tally(), count()
    await experiments.put("spam", Setup({OLD: 1.0}, control=OLD), who="ann")
    await experiments.start_ramp("spam", Ramp(NEW), who="ann")
    await replicas.start(tally)

    async def traffic() -> Experiment | None:
        for nth in range(100):
            tally.exposed("spam", OLD, f"{next(ids)}", False, 0.01)
            tally.exposed("spam", NEW, f"{next(ids)}", nth % 3 == 0, 0.01)
        return await until(database, lambda found: found.ramp is None)()

    stopped = await eventually(traffic)
    assert stopped.arms == {OLD: 1.0, NEW: 0.0}
    assert "fails more often than" in (await experiments.history("spam"))[0].why


async def test_a_failed_batch_stops_no_ramp(database: Database, replicas: Replicas) -> None:
    experiments, tally = Experiments(database), Tally()
    await experiments.put("spam", Setup({OLD: 1.0}, control=OLD), who="ann")
    await experiments.start_ramp("spam", Ramp(NEW), who="ann")
    await replicas.start(tally)
    await asyncio.sleep(2 * SETTINGS.failure_bucket_s)
    for nth in range(1_000):
        tally.exposed("spam", OLD, f"a{nth}", False, 0.01)
    for nth in range(200):
        tally.exposed("spam", NEW, f"b{nth}", True, None)

    async def counted_all() -> bool:
        (compared,) = (await TrialReports(database, SETTINGS).report("spam")).compared
        failures = compared.findings[-1]
        return failures.question == "failures" and failures.events == 200

    assert await eventually(counted_all)
    await asyncio.sleep(4 * SETTINGS.tick_s)
    assert (await experiments.get("spam")).ramp is not None


async def test_one_tenant_of_three_stops_no_ramp(database: Database, replicas: Replicas) -> None:
    """It labels as it likes: verdicts name the arm."""
    experiments = Experiments(database)
    await add_tenants(database, "other", "third")
    await experiments.put("spam", HALVES, who="ann")
    await replicas.start()

    async def labels_of(tenant: str, arm: str, said: str, size: int) -> None:
        await add_labels(database, [row(arm, said, tenant=tenant, sender=f"{next(_senders)}") for _ in range(size)])

    for _ in range(8):
        for tenant in ("other", "third"):
            for arm in (OLD, NEW):
                await labels_of(tenant, arm, "ham", 20)
        await labels_of("acme", NEW, "spam", 10)
        await labels_of("acme", OLD, "ham", 10)
        await asyncio.sleep(0.1)
    await eventually(until_rows(database, 600))
    report = await TrialReports(database, SETTINGS).report("spam")
    assert report.compared[0].findings[0].e_value > 1e6
    assert "without the labels of one tenant" in report.compared[0].findings[0].verdict
    assert (await experiments.get("spam")).revision == 1


_senders = count()


async def test_old_minutes_and_trials_of_arms_that_left_are_deleted(database: Database) -> None:
    experiments = Experiments(database)
    await experiments.put("spam", Setup({OLD: 0.5, NEW: 0.5}, control=OLD), who="ann")
    steward = Steward(database, Tally(), experiments, SETTINGS)
    await add_labels(database, [row(OLD, "ham", sender="a")])
    await steward.round()
    await asyncio.sleep(2 * SETTINGS.label_bucket_s)
    await steward.round()
    await steward.stop()
    async with database.connection() as connection:
        await connection.execute(_MINUTE, "spam", NEW, 3.0)  # days ago; not settled yet
        await connection.execute(_MINUTE, "spam", "net/9", 3.0)
        await connection.execute(_MINUTE, "spam", "net/9", 1.0)
        await connection.execute("update trials set settled_until = now() - interval '4 days'")

    async def left() -> list[int]:
        await Trials(database, SETTINGS).prune()
        async with database.connection() as connection:
            names = ("arm_minutes", "trials", "trial_units", "trial_buckets")
            return [await connection.fetchval(f"select count(*) from {name}") for name in names]

    assert await left() == [2, 1, 1, 1]
    async with database.connection() as connection:
        await connection.execute("update trials set settled_until = now(), failures_until = now() - interval '91 days'")
    assert await left() == [1, 1, 1, 1]  # the trial is under way
    await experiments.end("spam", who="ann")
    async with database.connection() as connection:
        await connection.execute("update trials set failures_until = now() - interval '89 days'")
    assert await left() == [1, 1, 1, 1]
    async with database.connection() as connection:
        await connection.execute("update trials set failures_until = now() - interval '91 days'")
    assert await left() == [1, 0, 0, 0]


_MINUTE = """
insert into arm_minutes (task, arm, minute, exposures, failures, latency)
values ($1, $2, now() - make_interval(secs => 86400 * $3), 1, 0, '{}')
"""


async def test_the_one_that_leads_prunes_by_itself(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(_MINUTE, "spam", "net/9", 3.0)
    steward = Steward(database, Tally(), Experiments(database), SETTINGS)
    await steward.round()
    await steward.stop()
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from arm_minutes") == 0


async def test_labels_in_random_order_across_two_stewards_count_once(database: Database, replicas: Replicas) -> None:
    """Both act on every bucket: neither keeps to the lead."""
    await Experiments(database).put("spam", HALVES, who="ann")
    rng = random.Random(4)
    stewards = [Steward(database, Tally(), Experiments(database), SETTINGS) for _ in range(2)]
    rows = legitimate(rng, OLD, 0.1, 300) + legitimate(rng, NEW, 0.1, 300)
    rows += [(*each[:1], f"{each[1]}again", *each[2:]) for each in rng.sample(rows, 200)]  # a second label of a sender
    rng.shuffle(rows)
    for steward in stewards:
        steward._lead.now = _clock  # type: ignore[method-assign]
        steward.start()
    senders: dict[object, bool] = {}
    for start in range(0, len(rows), 40):
        part = rows[start : start + 40]
        await add_labels(database, part)
        for each in part:
            senders.setdefault(each[6], each[5] == {"spam": "spam"})
        await asyncio.sleep(0.03)
    control, treatment = await eventually(until_rows(database, 600))
    await asyncio.sleep(3 * SETTINGS.label_bucket_s)
    assert (control, treatment) == await counted(database)
    assert (control.rows, treatment.rows) == (300, 300)
    assert control.events + treatment.events == sum(senders.values())
    for steward in stewards:
        await steward.stop()


async def _clock() -> float:
    return time.time()


async def test_when_a_steward_dies_another_goes_on(database: Database, replicas: Replicas) -> None:
    await Experiments(database).put("spam", HALVES, who="ann")
    first = await replicas.start()
    await add_labels(database, [row(OLD, "ham", sender=f"a{each}") for each in range(30)])
    await eventually(until_rows(database, 30))
    await replicas.start()
    await first.close()  # its sessions end as those of a process that was killed
    await add_labels(database, [row(NEW, "ham", sender=f"b{each}") for each in range(20)])
    assert await eventually(until_rows(database, 50)) == (Count(0, 30), Count(0, 20))


async def test_a_steward_waits_for_postgres_and_goes_on(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Sessions that end and statements that fail, as in an outage; what it would do is done when that is over."""
    experiments, tally = Experiments(database), Tally()
    await experiments.put("spam", HALVES, who="ann")
    steward = Steward(database, tally, experiments, SETTINGS)
    await steward.round()
    tally.exposed("spam", OLD, "u", False, 0.01)
    async with database.connection() as connection:
        await connection.execute("alter table arm_minutes rename to away")
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
    with pytest.raises(Unavailable):
        await steward.round()
    steward.start()
    await asyncio.sleep(5 * SETTINGS.tick_s)
    assert sum("not looked after" in record.message for record in caplog.records) == 1
    await add_labels(database, [row(OLD, "ham", sender="a")])
    async with database.connection() as connection:
        await connection.execute("alter table away rename to arm_minutes")
    assert (await eventually(until_rows(database, 1)))[0] == Count(0, 1)
    report = await TrialReports(database, SETTINGS).report("spam")
    assert report.control.exposures == 1
    await steward.stop()


async def test_what_a_replica_counted_is_written_when_it_stops(database: Database, replicas: Replicas) -> None:
    await Experiments(database).put("spam", Setup({OLD: 1.0}), who="ann")
    tally = Tally()
    steward = Steward(database, tally, Experiments(database), msgspec.structs.replace(SETTINGS, tick_s=60.0))
    await steward.round()
    tally.exposed("spam", OLD, "u", True, 0.01)
    await steward.stop()
    report = await TrialReports(database, SETTINGS).report("spam")
    assert (report.control.exposures, report.control.failures.hits) == (1, 1)
