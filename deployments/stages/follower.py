"""Keeps a stage's versions up with the experiments in Postgres, and tells the ingresses of them.

All of it happens on a thread of its own, beside the traffic.
"""

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from deployments.stages.keeper import Keeper
from pipeline.clients.experiments import Experiments
from pipeline.clients.fleet import Fleet
from pipeline.clients.postgres import Database
from pipeline.errors import WinnowError
from pipeline.routing import Experiment

log = logging.getLogger(__name__)

_POLL_S = 0.5
_BEAT_S = 2.0
_LOOK_S = 0.1
_PATIENCE_S = 10.0  #: a replica starts with what it has once it waited so long for experiments

#: Versions that experiments ask of a stage.
Needs = Callable[[list[Experiment]], Collection[str]]


def follow(keeper: Keeper[Any], database_url: str, needs: Needs) -> None:
    """Hold what experiments name from now on; returns once it does so, or Postgres does not answer in time."""
    settled = threading.Event()

    def run() -> None:
        asyncio.run(_follow(keeper, database_url, needs, settled))

    threading.Thread(target=run, name=f"{keeper.stage} versions", daemon=True).start()
    if not settled.wait(_PATIENCE_S):
        log.warning("%s starts without knowing of experiments: Postgres has not answered", keeper.stage)


async def _follow(keeper: Keeper[Any], database_url: str, needs: Needs, settled: threading.Event) -> None:
    database = await Database.open(database_url, max_connections=2)
    experiments, beat = Experiments(database), None
    while True:
        try:
            await asyncio.to_thread(keeper.hold, needs(await experiments.all()))
            beat = beat or asyncio.create_task(_beat(keeper, Fleet(database)))
            settled.set()
        except WinnowError as error:
            log.warning("%s cannot read experiments: %s", keeper.stage, error.detail)
        await asyncio.sleep(_POLL_S)


async def _beat(keeper: Keeper[Any], fleet: Fleet) -> None:
    """Tell of this replica's versions, at once when they change."""
    replica, told, since = secrets.token_hex(8), {"": ""}, 0.0
    while True:
        states, now = keeper.states, time.monotonic()
        if states != told or now - since >= _BEAT_S:
            try:
                await fleet.report(replica, keeper.stage, states)
                told, since = states, now
            except WinnowError as error:
                log.warning("%s cannot tell of its versions: %s", keeper.stage, error.detail)
        await asyncio.sleep(_LOOK_S)
