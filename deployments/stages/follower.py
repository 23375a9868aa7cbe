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
from pipeline.errors import WinnowError, describe
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
    follower = _Follower(keeper, needs)
    threading.Thread(
        target=lambda: asyncio.run(follower.run(database_url)), name=f"{keeper.stage} versions", daemon=True
    ).start()
    if follower.read.wait(_PATIENCE_S):
        follower.held.wait()
    else:
        log.warning("%s starts without knowing of experiments: Postgres has not answered", keeper.stage)


class _Follower:
    def __init__(self, keeper: Keeper[Any], needs: Needs) -> None:
        self._keeper = keeper
        self._needs = needs
        self._trouble = ""
        self.read = threading.Event()  #: experiments are known
        self.held = threading.Event()  #: and what they name was loaded, or cannot be

    async def run(self, database_url: str) -> None:
        """Never ends: whatever happens, a replica that serves goes on telling of itself."""
        database = await Database.open(database_url, max_connections=2)
        await asyncio.gather(self._hold(Experiments(database)), self._beat(Fleet(database)))

    async def _hold(self, experiments: Experiments) -> None:
        while True:
            try:
                found = await experiments.all()
                self.read.set()
                await asyncio.to_thread(lambda wanted: self._keeper.hold(self._needs(wanted)), found)
                self.held.set()
                self._trouble = ""
            except Exception as error:
                self._complain("cannot follow experiments", error)
            await asyncio.sleep(_POLL_S)

    async def _beat(self, fleet: Fleet) -> None:
        """Tell of this replica's versions, at once when they change."""
        replica, told, since = secrets.token_hex(8), {"": ""}, 0.0
        while True:
            states, now = self._keeper.states, time.monotonic()
            if states != told or now - since >= _BEAT_S:
                try:
                    await fleet.report(replica, self._keeper.stage, states)
                    told, since = states, now
                except Exception as error:
                    self._complain("cannot tell of its versions", error)
            await asyncio.sleep(_LOOK_S)

    def _complain(self, what: str, error: Exception) -> None:
        """Once, and not with every try."""
        trouble = error.detail if isinstance(error, WinnowError) else describe(error)
        if trouble != self._trouble:
            log.warning("%s %s: %s", self._keeper.stage, what, trouble)
            self._trouble = trouble
