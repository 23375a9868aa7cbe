"""Looks after experiments: one task in every ingress replica."""

import asyncio
import logging
from contextlib import suppress

from pipeline import course as courses
from pipeline.clients.experiments import Experiments
from pipeline.clients.lead import Lead
from pipeline.clients.postgres import Database
from pipeline.clients.tally_log import TallyLog
from pipeline.clients.trials import Trials
from pipeline.course import Course, EvidenceSettings, Order
from pipeline.errors import Conflict, NotFound, Unavailable, WinnowError, describe
from pipeline.guardrails import Limits
from pipeline.routing import Experiment
from pipeline.tally import Tally

log = logging.getLogger(__name__)

_PRUNE_S = 3600.0
_BUCKETS = 100  #: of labels that one trial may catch up with in one round


class Steward:
    """Writes its replica's counts. One of all stewards also adds up the evidence and acts on it.

    While Postgres is away it waits, and then goes on where it was. Should two of them act at once, as when the lead
    changes, every bucket is still added once, and every decision taken at the revision that it was made for.

    Args:
        database: Postgres; the steward that leads keeps one connection of it.
        tally: what this replica counts.
        experiments: changed by it as "ramp" and as "guardrail".
        settings: how wide buckets are, and how often it looks.
    """

    def __init__(
        self,
        database: Database,
        tally: Tally,
        experiments: Experiments,
        settings: EvidenceSettings | None = None,
    ) -> None:
        self._settings = settings or EvidenceSettings()
        self._experiments = experiments
        self._trials = Trials(database, self._settings)
        self._tally_log = TallyLog(database, tally)
        self._lead = Lead(database, "steward")
        self._task: asyncio.Task[None] | None = None
        self._is_waiting = False
        self._prunes_at = 0.0  #: Postgres' clock

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Write what is left, and let another one lead."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        with suppress(WinnowError):
            await self._tally_log.write()
        with suppress(WinnowError):
            await self._lead.release()

    async def round(self) -> None:
        """Write the counts and, if this one leads, look at every experiment.

        Raises:
            Unavailable: Postgres is down or too slow.
        """
        await self._tally_log.write()
        now = await self._lead.now()
        if now is None:
            return
        for experiment in await self._experiments.all():
            for treatment in experiment.began:
                await self._look(experiment, treatment, now)
        if now >= self._prunes_at:
            self._prunes_at = now + _PRUNE_S
            await self._trials.prune()

    async def _run(self) -> None:
        while True:
            try:
                await self.round()
                self._is_waiting = False
            except Unavailable as error:
                if not self._is_waiting:
                    log.warning("experiments are not looked after: %s", error.detail)
                self._is_waiting = True
            except Exception as error:  # whatever it was, the next round may go well
                log.error("experiments: %s", describe(error))
            await asyncio.sleep(self._settings.tick_s)

    async def _look(self, experiment: Experiment, treatment: str, now: float) -> None:
        try:
            course = await self._followed(experiment, treatment, now)
            # In a thread: what labels rule out takes its time, and messages pass here.
            if decided := await asyncio.to_thread(courses.order, experiment, course, now):
                await self._act(experiment, treatment, decided)
        except Unavailable:
            raise
        except Exception as error:  # the other trials are looked after all the same
            log.error("%s: the trial of %s: %s", experiment.task, treatment, describe(error))

    async def _followed(self, experiment: Experiment, treatment: str, now: float) -> Course:
        """The trial with all buckets that have closed by now."""
        course = await self._trials.open(experiment, treatment, now)
        if courses.at_step(course, experiment) is not course:
            course = await self._trials.begin_step(experiment, course)
        end = courses.last_end(now, self._settings.failure_bucket_s)
        if end > course.failures_until:
            limits = experiment.ramp.limits if experiment.ramp else Limits()
            course = await self._trials.close_requests(experiment, course, end, limits.p99_exposures)
        for _ in range(_BUCKETS):
            end = courses.next_end(course.labels_until, self._settings.label_bucket_s)
            if end > now:
                break
            course = await self._trials.close_labels(experiment, course, end)
        return course

    async def _act(self, experiment: Experiment, treatment: str, decided: Order) -> None:
        """Unless somebody changed the experiment meanwhile: then the next round decides anew."""
        task, revision, changed = experiment.task, experiment.revision, None
        with suppress(Conflict, NotFound):
            if decided.act == "stop":
                changed = await self._experiments.stop(task, treatment, why=decided.reason, revision=revision)
            elif decided.act == "promote":
                changed = await self._experiments.promote(
                    task, treatment, who="ramp", why=decided.reason, expected_revision=revision
                )
            elif experiment.ramp:
                step = experiment.ramp.step + 1
                changed = await self._experiments.advance(task, step, why=decided.reason, revision=revision)
        if changed:
            log.warning("%s: %s of %s, revision %d: %s", task, decided.act, treatment, changed.revision, decided.reason)
