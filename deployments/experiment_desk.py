"""Experiments as an operator asks for them: checked, admitted, changed, listed."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

import msgspec

from pipeline.clients.experiments import Experiments
from pipeline.clients.postgres import Database
from pipeline.directory import Principal
from pipeline.errors import InvalidField, NotFound
from pipeline.findings import Report
from pipeline.orders import ExperimentRequest, Listed, PromoteRequest, RampRequest, RollbackRequest
from pipeline.ramps import Ramp
from pipeline.routing import TASKS, Experiment, Task, check_arms
from pipeline.trail import ExperimentChange, Setup

Admit = Callable[[Task, Collection[str]], Awaitable[None]]
States = Callable[[Iterable[str]], Mapping[str, str]]

_VERSION = "$.version"


class ExperimentDesk:
    """Every method raises `NotFound` for a task that there is not, and `Unavailable` when Postgres is down.

    What changes an experiment raises `Conflict` when `revision` is not the current one, and `InvalidField` where a
    version is not in the model store, damaged, or made for another task. No answer has the salt, which would tell who
    is on which arm.

    Args:
        database: Postgres.
        admit: raises InvalidField with the field "$.arms['name/version']" for a version that the task cannot use.
        defaults: task to the version that answers where there is no experiment.
        states: "name/version" to "ready", or to what it lacks.
        report: what an experiment has shown so far; raises NotFound where there is none.
    """

    def __init__(
        self,
        database: Database,
        admit: Admit,
        defaults: Mapping[str, str],
        states: States,
        report: Callable[[Task], Awaitable[Report]],
    ) -> None:
        self._experiments = Experiments(database)
        self._admit = admit
        self._defaults = dict(defaults)
        self._states = states
        self._report = report

    async def listed(self) -> list[Listed]:
        """Those in force."""
        return [self._listed(each) for each in await self._experiments.all()]

    async def put(self, task: str, asked: ExperimentRequest, who: Principal) -> Experiment:
        """Set weights; every replica follows within two seconds, to each version as soon as it is loaded."""
        known = _known(task)
        check_arms(asked.arms, asked.shadow)
        await self._admitted(known, asked.arms, "$.arms")
        await self._admitted(known, asked.shadow, "$.shadow")
        setup = Setup(asked.arms, asked.sticky_by, asked.shadow, asked.control or "")
        changed = await self._experiments.put(
            known,
            setup,
            who=who.key_id,
            why=asked.why,
            expected_revision=asked.revision,
            default=self._default(known),
        )
        return _public(changed)

    async def end(self, task: str, why: str, revision: int | None, who: Principal) -> Experiment:
        """The default version answers everything.

        Raises:
            NotFound: there is no experiment.
        """
        return _public(await self._experiments.end(_known(task), who=who.key_id, why=why, expected_revision=revision))

    async def promote(self, task: str, asked: PromoteRequest, who: Principal) -> Experiment:
        """All of the traffic for a version, which later ones are compared with."""
        known = _known(task)
        await self._admitted(known, (asked.version,), _VERSION)
        return _public(
            await self._experiments.promote(
                known, asked.version, who=who.key_id, why=asked.why, expected_revision=asked.revision
            )
        )

    async def rollback(self, task: str, asked: RollbackRequest, who: Principal) -> Experiment:
        """All of the traffic for the control, or for the control before it where that is so already.

        The control is served by definition, so that the way back to it needs no model store. An earlier one may be gone
        by now: it is admitted first, and should the experiment change meanwhile, that is a conflict.

        Raises:
            NotFound: there is no experiment, or nothing to go back to.
        """
        known, default, revision = _known(task), self._default(_known(task)), asked.revision
        old, earlier = await self._experiments.before_rollback(known, default)
        if earlier:
            await self._admitted(known, (earlier,), None)
            revision = old.revision if revision is None else revision
        return _public(
            await self._experiments.rollback(
                known, who=who.key_id, why=asked.why, expected_revision=revision, default=default
            )
        )

    async def start_ramp(self, task: str, asked: RampRequest, who: Principal) -> Experiment:
        """Give a version the first share of the traffic; the steward goes on from there.

        Raises:
            InvalidField: the version is the control, or the shares do not rise to 1.
        """
        known, ramp = _known(task), Ramp(asked.version, asked.steps, asked.limits)
        await self._admitted(known, (asked.version,), _VERSION)
        return _public(
            await self._experiments.start_ramp(
                known,
                ramp,
                who=who.key_id,
                why=asked.why,
                expected_revision=asked.revision,
                default=self._default(known),
                sticky_by=asked.sticky_by,
            )
        )

    async def history(self, task: str, limit: int) -> list[ExperimentChange]:
        """Who changed what, when and why, newest first."""
        return await self._experiments.history(_known(task), limit)

    async def report(self, task: str) -> Report:
        """
        Raises:
            NotFound: there is no experiment.
        """
        return await self._report(_known(task))

    async def _admitted(self, task: Task, refs: Collection[str], field: str | None) -> None:
        """
        Args:
            field: of this request that names the versions; None: the request does not name them.

        Raises:
            InvalidField: a version cannot be used.
        """
        if not refs:
            return
        try:
            await self._admit(task, refs)
        except InvalidField as error:
            if field is None:
                raise InvalidField(f"{', '.join(refs)}: {error.detail}") from None
            named = field if field == _VERSION else (error.field or field).replace("$.arms", field, 1)
            raise InvalidField(error.detail, field=named) from None

    def _default(self, task: Task) -> str:
        return self._defaults.get(task, "")

    def _listed(self, experiment: Experiment) -> Listed:
        named = dict.fromkeys((*experiment.arms, *experiment.shadow))
        return Listed(**msgspec.structs.asdict(_public(experiment)), states=dict(self._states(named)))


def _known(task: str) -> Task:
    """
    Raises:
        NotFound: there is no such task.
    """
    for known in TASKS:
        if task == known:
            return known
    raise NotFound(f"there is no such task; there are {', '.join(TASKS)}")


def _public(experiment: Experiment) -> Experiment:
    return msgspec.structs.replace(experiment, salt="")
