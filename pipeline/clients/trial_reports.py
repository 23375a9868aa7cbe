"""What an experiment has shown so far, read from Postgres."""

import asyncio
from typing import Any

import msgspec

from pipeline import course as courses
from pipeline import findings
from pipeline.clients import queries
from pipeline.clients.experiments import Experiments
from pipeline.clients.postgres import Connection, Database
from pipeline.clients.trials import KEPT_S, Trials, count_requests, read_minutes
from pipeline.course import Course, EvidenceSettings, Seen
from pipeline.evidence import Count
from pipeline.findings import Point, RampFigures, Report, Series, ShadowFigures
from pipeline.guardrails import Limits, stops_at
from pipeline.minutes import recent_p99_ms
from pipeline.routing import Experiment, Task
from pipeline.trial import Arm, Trial

_SQL = queries.load("trials")
_DAY_S = 24 * 3600.0
_HOUR_S = 3600.0
_LEAST = 100  #: messages that a p99 needs to be shown
_POINTS = 200  #: of a series that are told


class TrialReports:
    """
    Args:
        database: Postgres.
        settings: as those of the steward.
    """

    def __init__(self, database: Database, settings: EvidenceSettings) -> None:
        self._database = database
        self._settings = settings
        self._experiments = Experiments(database)
        self._trials = Trials(database, settings)

    async def report(self, task: Task) -> Report:
        """Requests are those of now, labels and e-values those of closed buckets.

        Raises:
            NotFound: the task has no experiment.
            Unavailable: Postgres is down or too slow.
        """
        experiment = await self._experiments.get(task)
        async with self._database.connection() as connection:
            now = float(await connection.fetchval(_SQL["clock"]))
        found = [await self._course(experiment, treatment, now) for treatment in experiment.began]
        async with self._database.connection() as connection:
            arms = [await _arms(connection, course, now) for course in found]
            control = arms[0].control if arms else await _alone(connection, experiment, now)
            # Intervals take their time, and messages pass here.
            shown = await asyncio.to_thread(findings.report, task, control, arms)
            ramp = await asyncio.to_thread(_ramp, experiment, found, now)
            series = [await _series(connection, experiment, course) for course in found]
            return msgspec.structs.replace(
                shown,
                compared=[
                    msgspec.structs.replace(each, series=points)
                    for each, points in zip(shown.compared, series, strict=True)
                ],
                revision=experiment.revision,
                stops_at=stops_at(experiment.ramp.limits if experiment.ramp else Limits()),
                shadows=await _shadows(connection, experiment, now),
                ramp=ramp,
            )

    async def _course(self, experiment: Experiment, treatment: str, now: float) -> Course:
        found = await self._trials.find(experiment, treatment)
        return found or courses.opened(experiment, treatment, now, {}, self._settings)


async def _arms(connection: Connection, course: Course, now: float) -> Trial:
    """With what both arms did until now."""
    trial = course.trial
    names = (trial.control.name, trial.treatment.name)
    total = courses.total(course, await count_requests(connection, trial.task, names, course.settled_until))
    p99 = await _p99(connection, trial.task, names, now)
    control, treatment = (courses.arm(name, total[name], p99.get(name)) for name in names)
    return msgspec.structs.replace(trial, control=control, treatment=treatment)


async def _alone(connection: Connection, experiment: Experiment, now: float) -> Arm:
    """A control that nothing is compared with, since the last change, or for as long as minutes are kept."""
    changed = await connection.fetchval(_SQL["changed"], experiment.task, experiment.revision) or 0.0
    since, names = courses.first_minute(max(changed, now - KEPT_S)), (experiment.control,)
    seen = await count_requests(connection, experiment.task, names, since)
    p99 = await _p99(connection, experiment.task, names, now)
    return courses.arm(experiment.control, seen.get(experiment.control, Seen()), p99.get(experiment.control))


async def _p99(connection: Connection, task: str, names: tuple[str, ...], now: float) -> dict[str, float]:
    """Of each arm for itself, over the last minutes."""
    minutes = await read_minutes(connection, task, names, now - _HOUR_S)
    return {arm: p99 for name in names for arm, p99 in recent_p99_ms(minutes, (name,), _LEAST).items()}


async def _series(connection: Connection, experiment: Experiment, course: Course) -> list[Series]:
    rows = await connection.fetch(_SQL["series"], experiment.task, course.trial.treatment.name, course.began)
    points: dict[Any, list[Point]] = {}
    for question, until, control, treatment, e_value in rows:
        points.setdefault(question, []).append(Point(until, Count(*control), Count(*treatment), e_value))
    return [Series(question, _thinned(each)) for question, each in points.items()]


def _thinned(points: list[Point]) -> list[Point]:
    """So many points, evenly, with the last one."""
    every = -(-len(points) // _POINTS)
    return points[::-1][::every][::-1]


async def _shadows(connection: Connection, experiment: Experiment, now: float) -> list[ShadowFigures]:
    rows = await connection.fetch(_SQL["shadows"], experiment.task, list(experiment.shadow), now - _DAY_S)
    return [msgspec.convert(dict(row), ShadowFigures) for row in rows]


def _ramp(experiment: Experiment, found: list[Course], now: float) -> RampFigures | None:
    ramp = experiment.ramp
    for course in found:
        current = courses.at_step(course, experiment)
        if ramp and (decided := courses.decision(experiment, current, now)):
            shares = [step.share for step in ramp.steps]
            return RampFigures(ramp.version, shares, ramp.step, ramp.since, decided.reason)
    return None
