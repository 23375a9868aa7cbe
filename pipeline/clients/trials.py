"""Trials in Postgres: evidence is added bucket by bucket, each exactly once, whoever does it."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from pipeline import course as courses
from pipeline.clients import queries
from pipeline.clients.postgres import Connection, Database
from pipeline.course import Course, EvidenceSettings, Seen
from pipeline.evidence import Bucket, Count
from pipeline.judgement import Label, heard
from pipeline.minutes import ArmMinute, broken_minutes, recent_p99_ms
from pipeline.receipts import MAX_AGE_S
from pipeline.routing import Experiment
from pipeline.trial import Span, questions

_SQL = queries.load("trials")
_HOUR_S = 3600.0
KEPT_S = 48 * _HOUR_S  #: minutes are
#: A label's transaction is committed by then, so that it can be seen.
_LATE_S = 60.0

_Key = tuple[str, str, int]  #: task, treatment, revision at which it began


class Trials:
    """Every method raises `Unavailable` when Postgres is down or too slow.

    Args:
        database: Postgres.
        settings: how wide buckets are, and how many labels of one tenant count in one.
    """

    def __init__(self, database: Database, settings: EvidenceSettings) -> None:
        self._database = database
        self._settings = settings

    async def open(self, experiment: Experiment, treatment: str, now: float) -> Course:
        """The course of a treatment's trial, which begins now unless it is under way.

        Args:
            now: Postgres' clock, seconds since the epoch.
        """
        key = _key(experiment, treatment)
        async with self._database.transaction() as connection:
            if found := await connection.fetchrow(_SQL["find"], *key):
                return _course(found)
            arms = (experiment.control, treatment)
            seen = await count_requests(connection, experiment.task, arms, courses.first_minute(now))
            new = courses.opened(experiment, treatment, now, seen, self._settings)
            await connection.execute(_SQL["open"], *key, experiment.control, *_columns(new))
            return _course(await connection.fetchrow(_SQL["find"], *key))

    async def find(self, experiment: Experiment, treatment: str) -> Course | None:
        """The course of a trial; None: no steward has opened it yet."""
        async with self._database.connection() as connection:
            found = await connection.fetchrow(_SQL["find"], *_key(experiment, treatment))
        return _course(found) if found else None

    async def begin_step(self, experiment: Experiment, course: Course) -> Course:
        """With the progress of the ramp's step that is in force."""
        async with self._locked(_key(experiment, course.trial.treatment.name)) as kept:
            return await kept.save(courses.at_step(kept.course, experiment))

    async def close_labels(self, experiment: Experiment, course: Course, until: float) -> Course:
        """Add the labels that arrived until then, unless somebody else did; the course as it is afterwards."""
        key = _key(experiment, course.trial.treatment.name)
        async with self._locked(key) as kept:
            if kept.course.labels_until != course.labels_until:
                return kept.course
            arrived = await self._labels(kept.connection, experiment, kept.course, until)
            # In a thread: there may be many labels, and messages pass here.
            after, closed = await asyncio.to_thread(courses.with_labels, kept.course, arrived, until)
            await kept.connection.execute(_SQL["add_units"], *key, [label.unit for label in arrived])
            return await kept.save(after, closed, until)

    async def prune(self) -> None:
        """Delete what nobody needs any more. Labels of an arm that left come as long as receipts last."""
        async with self._database.connection() as connection:
            await connection.execute(_SQL["close"], MAX_AGE_S)
            await connection.execute(_SQL["drop_arm_minutes"], KEPT_S)
            await connection.execute(_SQL["drop_shadow_minutes"], KEPT_S)

    async def close_requests(self, experiment: Experiment, course: Course, until: float, least: int) -> Course:
        """Add the requests that were counted until now, as `close_labels` does labels.

        Args:
            least: messages of the treatment that its p99 needs.
        """
        treatment = course.trial.treatment.name
        async with self._locked(_key(experiment, treatment)) as kept:
            if kept.course.failures_until != course.failures_until:
                return kept.course
            old, names = kept.course, (kept.course.trial.control.name, treatment)
            seen = await count_requests(kept.connection, experiment.task, names, old.settled_until)
            total = courses.total(old, seen)
            since = max(until - _HOUR_S, old.settled_until)  # what was before the trial is not its treatment's
            minutes = await read_minutes(kept.connection, experiment.task, names, since)
            p99 = recent_p99_ms(minutes, names, least)
            broken = broken_minutes([each for each in minutes if 60 * each.minute < until], *names)
            control = courses.arm(names[0], total[names[0]], p99.get(names[0]))
            treated = courses.arm(treatment, total[treatment], p99.get(treatment), broken)
            after, closed = courses.with_requests(old, control, treated, until)
            if (end := courses.settles_at(after, until)) is not None:
                settled = await count_requests(kept.connection, experiment.task, names, after.settled_until, end)
                after = courses.with_settled(after, settled, end)
            return await kept.save(after, closed, self._told_at(until))

    def _told_at(self, until: float) -> float:
        """Points of a plot are as wide as buckets of labels."""
        last = courses.last_end(until, self._settings.label_bucket_s)
        return last if last >= until else courses.next_end(last, self._settings.label_bucket_s)

    async def _labels(
        self, connection: Connection, experiment: Experiment, course: Course, until: float
    ) -> list[Label]:
        trial = course.trial
        rows = await connection.fetch(
            _SQL["labels"],
            trial.task,
            trial.treatment.name,
            course.began,
            experiment.sticky_by,
            (trial.control.name, trial.treatment.name),
            course.labels_until - _LATE_S,
            until,
            sorted(heard(trial.task)),
            self._settings.tenant_labels,
        )
        return [msgspec.convert(dict(row), Label) for row in rows]

    @asynccontextmanager
    async def _locked(self, key: _Key) -> AsyncIterator["_Kept"]:
        """The course as nobody else can change it meanwhile."""
        async with self._database.transaction() as connection:
            yield _Kept(connection, key, _course(await connection.fetchrow(_SQL["lock"], *key)))


class _Kept:
    """A course under a lock."""

    def __init__(self, connection: Connection, key: _Key, course: Course) -> None:
        self.connection = connection
        self.course = course
        self._key = key

    async def save(self, course: Course, closed: Span | None = None, until: float = 0.0) -> Course:
        await self.connection.execute(_SQL["save"], *self._key, *_columns(course))
        if closed:
            rows = [(*self._key, *row) for row in _bucket_rows(course, closed, until)]
            await self.connection.executemany(_SQL["add_bucket"], rows)
        return course


async def count_requests(
    connection: Connection, task: str, arms: Iterable[str], since: float, until: float = math.inf
) -> dict[str, Seen]:
    """Of each arm that had any."""
    rows = await connection.fetch(_SQL["requests"], task, list(arms), since, until)
    return {
        arm: Seen(Count(failures, exposures), Count(failed_units, units))
        for arm, failures, exposures, failed_units, units in rows
    }


async def read_minutes(connection: Connection, task: str, arms: Iterable[str], since: float) -> list[ArmMinute]:
    rows = await connection.fetch(_SQL["minutes"], task, list(arms), since)
    return [
        ArmMinute(arm, minute, latency, Count(failures, exposures))
        for arm, minute, latency, failures, exposures in rows
    ]


def _columns(course: Course) -> tuple[object, ...]:
    return (
        course.trial,
        course.progress,
        course.labels_until,
        course.failures_until,
        course.settled_until,
        course.settled,
    )


def _bucket_rows(course: Course, closed: Span, until: float) -> Iterable[tuple[object, ...]]:
    for question in questions(course.trial.task):
        bucket: Bucket = closed.bucket(question)
        if bucket.control.rows or bucket.treatment.rows:
            counts = ((each.events, each.rows) for each in (bucket.control, bucket.treatment))
            yield question, until, *counts, course.trial.evidence(question).either


def _key(experiment: Experiment, treatment: str) -> _Key:
    return experiment.task, treatment, experiment.began[treatment]


def _course(row: asyncpg.Record | None) -> Course:
    assert row is not None  # a trial under way is not deleted
    return msgspec.convert(dict(row), Course)
