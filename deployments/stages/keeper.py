"""The versions that a stage's replica holds: those it starts with, and those that experiments name meanwhile.

A version is loaded on a thread of its own, beside the traffic, answers a dry run, and only then is told of: ingresses
send it nothing before. Nothing here ever takes a version away that is wanted.
"""

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Generic, TypeVar

import psutil  # type: ignore[import-untyped]

from model_store.store import Bundle, Store
from pipeline.clients.experiments import Experiments
from pipeline.clients.fleet import Fleet
from pipeline.clients.postgres import Database
from pipeline.errors import ModelError, WinnowError, describe
from pipeline.holding import Held, to_unload
from pipeline.readiness import LOADING, READY
from pipeline.routing import Experiment

log = logging.getLogger(__name__)

_POLL_S = 0.5
_BEAT_S = 2.0
_RETRY_S = 30.0  #: after which a version that could not be loaded is tried again
_PATIENCE_S = 10.0  #: a replica starts with what it has once it waited so long for experiments

Model = TypeVar("Model")


class Keeper(Generic[Model]):
    """
    Args:
        stage: name of the deployment.
        store: where versions come from.
        load: opens a version and lets it answer a dry run.
        first: versions to start with; they stay.
        budget: bytes that the versions may take together.

    Raises:
        ModelError: one of the first versions cannot be loaded.
    """

    def __init__(
        self, stage: str, store: Store, load: Callable[[Bundle], Model], first: Iterable[str], budget: int
    ) -> None:
        self._stage = stage
        self._store = store
        self._load = load
        self._first = tuple(dict.fromkeys(first))
        self._budget = budget
        self._models: Mapping[str, Model] = {}  # replaced, never changed: other threads read it
        self._held: dict[str, Held] = {}
        self._failed: dict[str, tuple[str, float]] = {}  #: why, and when to try again
        self._loading = ""
        self._settled = threading.Event()
        for ref in self._first:
            self._add(ref)

    def get(self, ref: str) -> Model | None:
        """The version, if it is loaded."""
        return self._models.get(ref)

    @property
    def states(self) -> dict[str, str]:
        """Version to "ready", "loading" or why it cannot be loaded."""
        found = {ref: reason for ref, (reason, _) in self._failed.items()} | dict.fromkeys(self._models, READY)
        return found | ({self._loading: LOADING} if self._loading else {})

    def follow(self, database_url: str, needs: Callable[[list[Experiment]], Collection[str]]) -> None:
        """Hold what experiments name from now on; returns once it does so, or Postgres does not answer in time.

        Args:
            database_url: of Postgres.
            needs: versions that the experiments ask of this stage.
        """

        def run() -> None:
            asyncio.run(self._follow(database_url, needs))

        threading.Thread(target=run, name=f"{self._stage} versions", daemon=True).start()
        if not self._settled.wait(_PATIENCE_S):
            log.warning("%s starts without knowing of experiments: Postgres has not answered", self._stage)

    def hold(self, wanted: Collection[str]) -> None:
        """Load what is wanted and not there, and make room for it where needed. Failures are kept in `states`."""
        wanted, now = {*self._first, *wanted}, time.monotonic()
        for ref in wanted & self._held.keys():
            self._held[ref] = Held(self._held[ref].bytes, now)
        self._failed = {ref: failure for ref, failure in self._failed.items() if ref in wanted}
        for ref in sorted(wanted - self._held.keys()):
            if self._failed.get(ref, ("", 0.0))[1] <= now:
                self._try(ref, wanted)

    def _try(self, ref: str, wanted: Collection[str]) -> None:
        self._loading = ref
        try:
            self._make_room(ref, wanted)
            self._add(ref)
            self._failed.pop(ref, None)
            log.info("%s holds %s", self._stage, ref)
        except WinnowError as error:
            self._fail(ref, error.detail)
        except Exception as error:
            self._fail(ref, f"cannot be loaded: {describe(error)}")
        finally:
            self._loading = ""

    def _fail(self, ref: str, reason: str) -> None:
        log.warning("%s does not hold %s: %s", self._stage, ref, reason)
        self._failed[ref] = reason, time.monotonic() + _RETRY_S

    def _make_room(self, ref: str, wanted: Collection[str]) -> None:
        need = sum(info.bytes for info in self._store.manifest(ref).files.values())
        going = to_unload(self._held, wanted, need, self._budget)
        if going is None:
            raise ModelError(f"{ref} needs {need >> 20} MB, more than what is left of {self._budget >> 20} MB")
        for each in going:
            del self._held[each]
            self._models = {known: model for known, model in self._models.items() if known != each}
            log.info("%s let go of %s", self._stage, each)

    def _add(self, ref: str) -> None:
        bundle = self._store.open(ref)
        before = _resident()
        model = self._load(bundle)
        size = sum(info.bytes for info in bundle.manifest.files.values())
        self._held[ref] = Held(max(size, _resident() - before), time.monotonic())
        self._models = {**self._models, ref: model}

    async def _follow(self, database_url: str, needs: Callable[[list[Experiment]], Collection[str]]) -> None:
        database = await Database.open(database_url, max_connections=2)
        experiments, beat = Experiments(database), None
        while True:
            try:
                await asyncio.to_thread(self.hold, needs(await experiments.all()))
                beat = beat or asyncio.create_task(self._beat(Fleet(database)))
                self._settled.set()
            except WinnowError as error:
                log.warning("%s cannot read experiments: %s", self._stage, error.detail)
            await asyncio.sleep(_POLL_S)

    async def _beat(self, fleet: Fleet) -> None:
        """Tell of this replica's versions, at once when they change."""
        replica, told, since = secrets.token_hex(8), {"": ""}, 0.0
        while True:
            states, now = self.states, time.monotonic()
            if states != told or now - since >= _BEAT_S:
                try:
                    await fleet.report(replica, self._stage, states)
                    told, since = states, now
                except WinnowError as error:
                    log.warning("%s cannot tell of its versions: %s", self._stage, error.detail)
            await asyncio.sleep(_POLL_S / 5)


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)
