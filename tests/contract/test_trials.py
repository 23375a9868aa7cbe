"""Counts, trials and reports on a real Postgres."""

import asyncio
import threading
from collections.abc import AsyncIterator

import asyncpg
import pytest

from pipeline import course as courses
from pipeline import findings
from pipeline.clients import queries
from pipeline.clients.experiments import Experiments
from pipeline.clients.lead import Lead
from pipeline.clients.postgres import Connection, Database
from pipeline.clients.tally_log import TallyLog
from pipeline.clients.trial_reports import TrialReports
from pipeline.clients.trials import Trials, count_requests, read_minutes
from pipeline.course import Course, EvidenceSettings, Seen
from pipeline.errors import NotFound, Unavailable
from pipeline.evidence import Bucket, Count, Evidence
from pipeline.guardrails import Limits, Step
from pipeline.ramps import Ramp
from pipeline.routing import Experiment, StickyBy
from pipeline.shadow import Comparison
from pipeline.tally import BOUNDS, Tally
from pipeline.trail import Setup
from tests.support.trials import add_labels, add_tenants, eventually, row

OLD, NEW = "net/3", "net/4"
START = 1_700_000_000.0 // 3600 * 3600
HOUR = 3600.0
SETTINGS = EvidenceSettings(tenant_labels=1_000)


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """One of its own: experiments and the lead are those of a whole database."""
    opened = await Database.open(empty_url)
    await opened.migrate()
    await add_tenants(opened, "acme", "other")
    yield opened
    await opened.close()


class Watched:
    """An experiment and its trial."""

    def __init__(self, database: Database, experiment: Experiment, settings: EvidenceSettings) -> None:
        self.trials = Trials(database, settings)
        self.experiment = experiment

    async def open(self) -> Course:
        return await self.trials.open(self.experiment, NEW, START)

    async def close(self, course: Course, until: float = START + HOUR) -> Course:
        return await self.trials.close_labels(self.experiment, course, until)


async def watched(database: Database, sticky_by: StickyBy = "sender", settings: EvidenceSettings = SETTINGS) -> Watched:
    setup = Setup({OLD: 0.5, NEW: 0.5}, sticky_by, control=OLD)
    experiment = await Experiments(database).put("spam", setup, who="ann")
    return Watched(database, experiment, settings)


async def false_alarms(database: Database, of: Watched) -> Bucket:
    evidence = (await of.close(await of.open())).trial.false_alarms
    return Bucket(evidence.control, evidence.treatment)


async def requests(database: Database, arm: str = OLD) -> Count:
    async with database.connection() as connection:
        return (await count_requests(connection, "spam", [arm], 0.0)).get(arm, Seen()).requests


def counted(messages: int, failed: int = 0, seconds: float = 0.01, arm: str = OLD) -> Tally:
    tally = Tally()
    for nth in range(messages):
        tally.exposed("spam", arm, f"{nth}", nth < failed, seconds)
    return tally


async def test_replicas_add_up(database: Database) -> None:
    for messages, failed, seconds in ((5, 1, 0.01), (7, 2, 2.0)):
        await TallyLog(database, counted(messages, failed, seconds)).write()
    assert await requests(database) == Count(3, 12)
    async with database.connection() as connection:
        found = await read_minutes(connection, "spam", [OLD], 0.0)
    total = [sum(numbers) for numbers in zip(*(each.latency for each in found), strict=True)]
    assert (len(total), sorted(filter(None, total))) == (len(BOUNDS) + 1, [5, 7])


async def test_replicas_that_write_at_once_lose_nothing(database: Database) -> None:
    async def replica() -> None:
        tally = Tally()
        log = TallyLog(database, tally)
        for nth in range(10):
            for arm in (OLD, NEW):
                tally.exposed("spam", arm, f"{nth}", True, 0.01)
                tally.compared(Comparison("spam", arm, "ham", "spam"))
            await log.write()

    await asyncio.gather(*(replica() for _ in range(4)))
    assert await requests(database) == await requests(database, NEW) == Count(40, 40)
    async with database.connection() as connection:
        shadows = await connection.fetch("select sum(exposures), sum(only_shadow) from shadow_minutes group by arm")
    assert [tuple(each) for each in shadows] == [(40, 40), (40, 40)]


async def test_counts_wait_while_they_cannot_be_written(database: Database) -> None:
    tally = counted(3)
    log = TallyLog(database, tally)
    await _rename(database, "arm_minutes", "away")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await log.write()
    tally.exposed("spam", OLD, "u", False, 0.01)
    await _rename(database, "away", "arm_minutes")
    await log.write()
    await log.write()
    assert await requests(database) == Count(0, 4)


@pytest.mark.parametrize("took_place", [True, False])
async def test_a_commit_whose_answer_was_lost_counts_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, took_place: bool
) -> None:
    log = TallyLog(database, counted(3))
    commit = asyncpg.transaction.Transaction._Transaction__commit  # type: ignore[attr-defined]

    async def lost(transaction: object) -> None:
        if took_place:
            await commit(transaction)
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(asyncpg.transaction.Transaction, "_Transaction__commit", lost)
        with pytest.raises(Unavailable):
            await log.write()
    await log.write()
    assert await requests(database) == Count(0, 3)


async def test_of_each_sender_the_first_label_counts(database: Database) -> None:
    of = await watched(database)
    await add_labels(
        database,
        [
            row(OLD, "ham", sender="a", at=START + 1),
            row(OLD, "spam", sender="a", at=START + 2),
            row(NEW, "spam", sender="b", at=START + 3),
            row(NEW, "ham", sender="", at=START + 4),
            row(NEW, "ham", sender="", at=START + 5),
        ],
    )
    assert await false_alarms(database, of) == Bucket(Count(0, 1), Count(1, 3))


async def test_a_sender_counts_once_in_the_life_of_a_trial(database: Database) -> None:
    of = await watched(database)
    await add_labels(database, [row(OLD, "ham", sender="a", at=START + each * HOUR + 120) for each in range(3)])
    course = await of.open()
    for each in range(3):
        course = await of.close(course, START + (each + 1) * HOUR)
    assert course.trial.false_alarms.control == Count(0, 1)


async def test_what_says_nothing_does_not_use_a_sender_up(database: Database) -> None:
    of = await watched(database)
    await add_labels(
        database,
        [
            row(OLD, "ham", "not_otp", sender="a", at=START + 1),
            row("net/9", "ham", sender="a", at=START + 2),
            row(OLD, "ham", sender="a", revision=0, at=START + 3),
            row(OLD, "ham", sender="a", task="otp", at=START + 4),
            row(OLD, "spam", sender="a", at=START + 5),
        ],
    )
    assert await false_alarms(database, of) == Bucket(Count(1, 1), Count())


@pytest.mark.parametrize(("sticky_by", "expected"), [("sender", 1), ("recipient", 2), ("message", 3)])
async def test_the_unit_is_what_was_assigned(database: Database, sticky_by: StickyBy, expected: int) -> None:
    of = await watched(database, sticky_by)
    await add_labels(
        database,
        [
            row(OLD, "ham", sender="a", recipient="x", receipt="1", at=START + 1),
            row(OLD, "ham", sender="a", recipient="x", receipt="2", at=START + 2),
            row(OLD, "ham", sender="a", recipient="y", receipt="3", at=START + 3),
        ],
    )
    assert (await false_alarms(database, of)).control == Count(0, expected)


async def test_no_tenant_floods_a_bucket(database: Database) -> None:
    of = await watched(database, settings=EvidenceSettings(tenant_labels=3))
    flood = [row(NEW, "spam", sender=f"a{each}", at=START + each) for each in range(50)]
    await add_labels(database, [*flood, row(NEW, "ham", tenant="other", sender="b", at=START + 60)])
    assert await false_alarms(database, of) == Bucket(Count(), Count(3, 4))


@pytest.mark.parametrize(
    ("others", "counted"),
    [
        ((5,), 50),  # two tenants: all labels count
        ((5, 5), 5),
        ((20, 20), 20),
        ((30, 40, 50), 50),
    ],
)
async def test_no_tenant_outnumbers_the_others(database: Database, others: tuple[int, ...], counted: int) -> None:
    """The first of its labels count, at most half as many as of all others."""
    of = await watched(database)
    await add_tenants(database, *(f"small{nth}" for nth in range(len(others))))
    loud = [row(NEW, "spam" if nth < 3 else "ham", sender=f"a{nth}", at=START + nth) for nth in range(50)]
    quiet = [
        row(OLD, "ham", tenant=f"small{tenant}", sender=f"b{tenant}-{nth}", at=START + nth)
        for tenant, size in enumerate(others)
        for nth in range(size)
    ]
    await add_labels(database, [*loud, *quiet])
    course = await of.close(await of.open())
    assert course.trial.false_alarms.treatment == Count(3, counted)
    assert len(course.trial.tenants) == len(others) + 1


async def test_a_bucket_is_added_once_by_however_many(database: Database) -> None:
    of = await watched(database)
    await add_labels(database, [row(OLD, "ham", sender=f"a{each}", at=START + each) for each in range(20)])
    course = await of.open()
    found = await asyncio.gather(*(of.close(course) for _ in range(5)))
    assert {each.trial.false_alarms.control for each in found} == {Count(0, 20)}
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from trial_buckets") == 1
        assert await connection.fetchval("select count(*) from trial_units") == 20


async def test_labels_that_come_to_light_late_count_in_the_next_bucket(database: Database) -> None:
    """A row has the time at which its transaction began, and is seen when that has ended."""
    of = await watched(database)
    course = await of.open()
    await add_labels(database, [row(OLD, "ham", sender="a", at=START + HOUR - 1)])
    course = await of.close(course)
    await add_labels(database, [row(OLD, "ham", sender="b", at=START + HOUR - 1)])
    course = await of.close(course, START + 2 * HOUR)
    assert course.trial.false_alarms.control == Count(0, 2)


async def test_a_label_corrected_after_its_bucket_stays_as_counted(database: Database) -> None:
    of = await watched(database)
    await add_labels(database, [row(OLD, "spam", sender="a", at=START + HOUR - 1)])
    course = await of.close(await of.open())
    async with database.connection() as connection:
        await connection.execute("update spam_feedback set label = 'spam'")
    course = await of.close(course, START + 2 * HOUR)
    assert (course.trial.false_alarms.control, course.trial.misses.control) == (Count(1, 1), Count())


async def test_opening_twice_is_opening_once(database: Database) -> None:
    of = await watched(database)
    first, *others = await asyncio.gather(*(of.open() for _ in range(4)))
    assert all(other == first for other in others)


async def test_requests_before_the_trial_are_no_evidence(database: Database) -> None:
    of = await watched(database)
    async with database.connection() as connection:
        now = await connection.fetchval("select extract(epoch from now())::float8")
    await TallyLog(database, counted(9)).write()
    course = await of.trials.open(of.experiment, NEW, now)
    await TallyLog(database, counted(5, 2)).write()
    await TallyLog(database, counted(200, 1, 0.05, NEW)).write()
    found = await asyncio.gather(
        *(of.trials.close_requests(of.experiment, course, now + 60, least=100) for _ in range(3))
    )
    assert found[1:] == found[:-1]
    course = found[0]
    assert (course.trial.failures.control, course.trial.failures.treatment) == (Count(2, 5), Count(1, 200))
    assert course.trial.treatment.p99_ms == pytest.approx(50, rel=0.1)


async def test_minutes_are_settled_and_then_not_read_again(database: Database) -> None:
    of = await watched(database)
    async with database.connection() as connection:
        now = await connection.fetchval("select extract(epoch from now())::float8")
    course = await of.trials.open(of.experiment, NEW, now - 4 * HOUR)
    async with database.connection() as connection:
        for hours in (3.5, 2.5, 0.5):
            await connection.execute(_MINUTE, NEW, now - hours * HOUR)
    course = await of.trials.close_requests(of.experiment, course, now, least=1)
    assert (course.settled, course.trial.treatment.units) == (
        {NEW: Seen(Count(2, 20), Count(2, 8))},
        Count(3, 12),
    )
    async with database.connection() as connection:
        await connection.execute("delete from arm_minutes where minute < now() - interval '2 hours'")
    course = await of.trials.close_requests(of.experiment, course, now + 60, least=1)
    assert (course.trial.treatment.requests, course.trial.treatment.units) == (Count(3, 30), Count(3, 12))
    assert course.trial.failures.treatment == Count(3, 12)
    (compared,) = (await TrialReports(database, SETTINGS).report("spam")).compared
    assert compared.treatment.exposures == 30


_MINUTE = """
insert into arm_minutes (task, arm, minute, exposures, failures, units, failed_units, latency)
values ('spam', $1, date_trunc('minute', to_timestamp($2)), 10, 1, 4, 1, '{}')
"""


async def test_what_could_not_be_written_for_hours_is_not_lost_on_trials_that_settled(database: Database) -> None:
    async with database.connection() as connection:
        now = await connection.fetchval("select extract(epoch from now())::float8")
    clock = [now - 9 * HOUR]
    tally = Tally(lambda: clock[0])
    for hours in (9, 8, 0):
        clock[0] = now - hours * HOUR
        tally.exposed("spam", NEW, "u", False, None)
        tally.restore(tally.drain())
    await TallyLog(database, tally).write()
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select exposures from arm_minutes where minute > now() - interval '62 minutes' order by minute"
        )
    assert [each["exposures"] for each in rows] == [2, 1]


async def test_a_minute_of_bulks_has_no_p99(database: Database) -> None:
    of = await watched(database)
    async with database.connection() as connection:
        now = await connection.fetchval("select extract(epoch from now())::float8")
    course = await of.trials.open(of.experiment, NEW, now)
    tally = Tally()
    for nth in range(2_000):
        tally.exposed("spam", NEW, f"{nth}", False, None)
    await TallyLog(database, tally).write()
    course = await of.trials.close_requests(of.experiment, course, now + 60, least=1_000)
    assert (course.trial.treatment.requests, course.trial.treatment.p99_ms) == (Count(0, 2_000), None)


async def test_an_arm_that_fails_minute_after_minute_is_told(database: Database) -> None:
    of = await watched(database)
    async with database.connection() as connection:
        now = await connection.fetchval("select extract(epoch from now())::float8")
        course = await of.trials.open(of.experiment, NEW, now - 600)
        for minute in range(20):  # those before the trial are not its treatment's
            for arm, failures in ((OLD, 0), (NEW, 10)):
                await connection.execute(_FAILED, arm, now - 60 * minute, failures)
    course = await of.trials.close_requests(of.experiment, course, now // 60 * 60, least=1)
    assert course.trial.treatment.broken == 10


_FAILED = """
insert into arm_minutes (task, arm, minute, exposures, failures, latency)
values ('spam', $1, date_trunc('minute', to_timestamp($2)), 10, $3, '{}')
"""


async def test_points_of_failures_are_as_wide_as_those_of_labels(database: Database) -> None:
    of = await watched(database)
    async with database.connection() as connection:
        now = await connection.fetchval("select extract(epoch from now())::float8") // HOUR * HOUR + 600
    course = await of.trials.open(of.experiment, NEW, now)
    for minute in range(3):
        await TallyLog(database, counted(10, 1, arm=NEW)).write()
        await TallyLog(database, counted(10, arm=OLD)).write()
        course = await of.trials.close_requests(of.experiment, course, now + 60 * minute, least=1_000)
    (compared,) = (await TrialReports(database, SETTINGS).report("spam")).compared
    (series,) = compared.series
    (point,) = series.points
    assert (point.until, point.treatment.rows) == (now - 600 + HOUR, course.trial.failures.treatment.rows)
    assert point.e_value == pytest.approx(course.trial.failures.either)


async def test_one_leads_until_its_session_ends(database: Database, empty_url: str) -> None:
    mine = await Database.open(empty_url)
    first, second = Lead(mine, "test"), Lead(database, "test")
    assert await first.now() is not None
    assert await second.now() is None
    assert await Lead(database, "another test").now() is not None
    assert await first.now() is not None
    await mine.close()  # the process is gone
    await eventually(second.now)
    await second.release()
    assert await Lead(database, "test").now() is not None


async def test_who_loses_the_session_leads_no_longer(database: Database) -> None:
    lead = Lead(database, "test")
    assert await lead.now() is not None
    async with database.connection() as connection:
        await _end_sessions(connection)
    with pytest.raises(Unavailable):
        await lead.now()
    assert await lead.now() is not None  # nobody else took it


async def test_a_report_tells_what_is_known(database: Database) -> None:
    experiments = Experiments(database)
    await experiments.put("spam", Setup({OLD: 1.0}, shadow={"net/5": 1.0}, control=OLD), who="ann")
    ramp = Ramp(NEW, (Step(0.1, labels=500), Step(1.0)), Limits(alpha=0.15))
    experiment = await experiments.start_ramp("spam", ramp, who="ann")
    of = Watched(database, experiment, SETTINGS)
    revision = experiment.revision
    course = await of.open()
    bad = [row(NEW, "spam", sender=f"b{each}", revision=revision, at=START + 200 + each) for each in range(20)]
    good = [row(OLD, "ham", sender=f"a{each}", revision=revision, at=START + 200 + each) for each in range(200)]
    await add_labels(database, [*bad, *good])
    await of.trials.begin_step(experiment, course)
    await of.close(course)
    shadow = Tally()
    shadow.compared(Comparison("spam", "net/5", "ham", "spam"))
    await TallyLog(database, shadow).write()
    await TallyLog(database, counted(150, 3)).write()

    found = await TrialReports(database, SETTINGS).report("spam")
    assert (found.control.arm, found.control.exposures, found.control.failures.hits) == (OLD, 150, 3)
    assert found.control.p99_ms == pytest.approx(10, rel=0.1)
    (compared,) = found.compared
    assert (compared.treatment.fpr.hits, compared.treatment.fpr.rows) == (20, 20)
    assert compared.findings[0].verdict.startswith(f"{NEW} flags more legitimate messages than {OLD} (100.0 % against")
    (series,) = compared.series
    assert (series.question, [point.control for point in series.points]) == ("false alarms", [Count(0, 200)])
    assert series.points[0].e_value == pytest.approx(compared.findings[0].e_value)
    assert [(each.arm, each.exposures, each.only_shadow) for each in found.shadows] == [("net/5", 1, 1)]
    assert found.ramp and (found.ramp.version, found.ramp.step, found.ramp.shares) == (NEW, 0, [0.1, 1.0])
    assert found.stops_at == pytest.approx(20.0)
    assert found.ramp.outlook.startswith(f"{NEW} flags more legitimate messages than {OLD}")


async def test_a_report_keeps_nobody_waiting(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its intervals take a while, and messages pass on the loop."""
    of = await watched(database)
    threads: list[int] = []
    report, decision = findings.report, courses.decision

    def noted(*given: object) -> object:
        threads.append(threading.get_ident())
        return report(*given) if len(given) == 3 and isinstance(given[0], str) else decision(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(findings, "report", noted)
    monkeypatch.setattr(courses, "decision", noted)
    await Experiments(database).start_ramp("spam", Ramp(NEW), who="ann")
    await of.open()
    await TrialReports(database, SETTINGS).report("spam")
    assert len(threads) == 2
    assert threading.get_ident() not in threads


async def test_trials_from_before_units_go_on(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted by message is no evidence any more; labels and totals are kept."""
    database = await Database.open(empty_url)
    with monkeypatch.context() as patch:
        known = queries.migrations()
        patch.setattr(queries, "migrations", lambda: known[:4])
        await database.migrate()
    experiment = await Experiments(database).put("spam", Setup({OLD: 0.5, NEW: 0.5}, control=OLD), who="ann")
    since = START - 5 * 24 * HOUR
    async with database.connection() as connection:
        await connection.execute(_OLD_TRIAL, since)
        await connection.execute(
            "insert into arm_minutes (task, arm, minute, exposures, failures, latency) "
            "values ('spam', $1, to_timestamp($2), 50, 9, '{}')",
            NEW,
            since,
        )
    await database.migrate()
    trials = Trials(database, SETTINGS)
    course = await trials.open(experiment, NEW, START)
    assert course.trial.false_alarms.control == Count(1, 300)
    assert (course.settled_until, course.settled, course.trial.failures) == (since, {}, Evidence())
    after = await trials.close_requests(experiment, course, START, least=1)
    assert (after.trial.treatment.requests, after.progress.exposures) == (Count(9, 50), 0)
    assert after.settled_until > since
    await database.close()


_OLD_TRIAL = """
insert into trials values ('spam', 'net/4', 1, 'net/3', jsonb_build_object(
    'control', '{"name": "net/3", "requests": {"events": 0, "rows": 0}, "p99_ms": null}'::jsonb,
    'treatment', '{"name": "net/4", "requests": {"events": 9, "rows": 50}, "p99_ms": null}'::jsonb,
    'false_alarms', '{"control": {"events": 1, "rows": 300}}'::jsonb,
    'failures', '{"control": {"events": 0, "rows": 50}}'::jsonb,
    'task', 'spam', 'since', $1::float8
), '{"step": 0, "since": 0.0, "revision": 1}', to_timestamp($1), to_timestamp($1))
"""


async def test_a_report_of_one_arm_and_of_none(database: Database) -> None:
    reports = TrialReports(database, SETTINGS)
    with pytest.raises(NotFound):
        await reports.report("spam")
    await Experiments(database).put("spam", Setup({OLD: 1.0}), who="ann")
    await TallyLog(database, counted(4, 1)).write()
    found = await reports.report("spam")
    assert (found.control.exposures, found.compared, found.ramp) == (4, [], None)


async def _rename(database: Database, old: str, new: str) -> None:
    async with database.connection() as connection:
        await connection.execute(f"alter table {old} rename to {new}")


async def _end_sessions(connection: Connection) -> None:
    """All of this database but this one."""
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
