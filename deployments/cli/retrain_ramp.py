"""The ramp of a retrained candidate: only where the spam experiment is still what the candidate was made beside.

A ramp takes the traffic of every arm but the control. A schedule that nobody watches must not do that to a colleague's
ramp, nor to a version that the gates did not see.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from configs.settings import Models
from deployments.cli.arrival import until_ready
from deployments.cli.connection import connect
from deployments.cli.experiment_tables import show_change
from deployments.cli.output import err
from deployments.client import Client
from pipeline import changes
from pipeline.errors import Conflict
from pipeline.orders import RampRequest
from pipeline.routing import Experiment, Task

if TYPE_CHECKING:
    from training.retrain.plan import Plan

_TASK: Task = "spam"
_PATIENCE_S = 60.0


def current(url: str | None, key: str | None, home: Path) -> Experiment:
    """The spam experiment of the server; without arms and at revision 0 where none is in force."""

    async def work() -> Experiment:
        async with connect(url, key, home) as client:
            return await _current(client)

    return asyncio.run(work())


def control(experiment: Experiment) -> str:
    """The version that others are compared with; without an experiment, the default one."""
    return experiment.control or Models().transformers[0]


def obstacle(plan: "Plan", now: Experiment) -> str:
    """Why the candidate may not be given traffic; "" where it may.

    Args:
        plan: with the revision at which the spam experiment was when the run was planned.
        now: the spam experiment.
    """
    if now.ramp:
        return f"a ramp of {now.ramp.version} is under way"
    if not changes.is_settled(now):
        return f"{control(now)} shares the traffic with other versions"
    if control(now) != plan.serving:
        return f"the gates were held against {plan.serving}, and {control(now)} serves"
    if now.revision != plan.revision:
        return f"the spam experiment is at revision {now.revision}, and was at {plan.revision} when the run was planned"
    return ""


def start(plan: "Plan", gates: int, url: str | None, key: str | None, home: Path) -> None:
    """Give a published candidate the first share of the traffic, and wait until it answers everywhere.

    Raises:
        Conflict: there is an obstacle; nothing is changed.
        ModelError: the candidate cannot be loaded.
    """

    async def work() -> None:
        async with connect(url, key, home) as client:
            show_change(await _ramp(client, plan, gates))
            await until_ready(client, _TASK, [plan.net], _PATIENCE_S, err.print)

    asyncio.run(work())


async def _ramp(client: Client, plan: "Plan", gates: int) -> Experiment:
    if found := obstacle(plan, await _current(client)):
        raise _without_traffic(plan, found)
    why = f"retrained from {plan.serving}, {gates} gates passed"
    try:
        return await client.start_ramp(_TASK, RampRequest(plan.net, revision=plan.revision, why=why))
    except Conflict as error:
        now = await _current(client)
        if now.ramp and now.ramp.version == plan.net:
            return now  # it was started: that answer was lost, and the request sent again
        raise _without_traffic(plan, error.detail) from None


def _without_traffic(plan: "Plan", why: str) -> Conflict:
    remedy = f"`winnow experiments ramp {_TASK} {plan.net}` gives it some"
    return Conflict(f"{plan.net} is published and gets no traffic: {why}; {remedy}")


async def _current(client: Client) -> Experiment:
    found = (each for each in await client.experiments() if each.task == _TASK)
    return next(found, None) or changes.nothing(_TASK, "")
