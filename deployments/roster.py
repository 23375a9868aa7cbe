"""Which versions may be given traffic: those that every replica holds. Once given it, a version keeps it."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress

from deployments.catalogue import Catalogue
from pipeline.clients.fleet import Fleet
from pipeline.directory import Directory
from pipeline.errors import WinnowError
from pipeline.readiness import LOADING, READY, TRANSFORMER_STAGES, TREE_STAGES, Holdings, bundles, state, transformers
from pipeline.router import Router
from pipeline.routing import Experiment

log = logging.getLogger(__name__)

_POLL_S = 0.5


class Roster:
    """Follows experiments and replicas, and tells the router.

    Args:
        catalogue: gets to know the versions that experiments name.
        router: of the classifier.
        fleet: tells which replica holds what.
    """

    def __init__(self, catalogue: Catalogue, router: Router, fleet: Fleet) -> None:
        self._catalogue = catalogue
        self._router = router
        self._fleet = fleet
        self._experiments: tuple[Experiment, ...] = ()
        self._holdings: Holdings = {}
        self._loaded_at_start = frozenset(catalogue.manifests)
        self._ready = set(self._loaded_at_start)
        self._woken = asyncio.Event()
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def adopt(self, directory: Directory) -> None:
        """Take over new weights at once; arms that are not ready yet wait."""
        self._experiments = directory.experiments
        self._ready &= self._loaded_at_start | self._wanted()
        self._route()
        self._settled.clear()
        self._woken.set()

    async def settled(self) -> None:
        """Return when every arm in force has been loaded everywhere, or cannot be."""
        await self._settled.wait()

    def states(self, refs: Iterable[str]) -> dict[str, str]:
        """Version to "ready", or to what is missing, in words."""
        return {ref: self._state(ref) for ref in refs}

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._look()
            except WinnowError as error:  # without news, what was ready stays so
                log.warning("replicas cannot be asked for their versions: %s", error.detail)
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._woken.wait()

    async def _look(self) -> None:
        wanted = self._wanted()
        if wanted:
            await self._catalogue.learn(wanted)
            self._holdings = await self._fleet.holdings()
        fresh = {ref for ref in wanted - self._ready if self._state(ref) == READY}
        if fresh:
            log.info("ready for traffic: %s", ", ".join(sorted(fresh)))
            self._ready |= fresh
            self._route()
        if not any(LOADING in self._state(ref) for ref in wanted - self._ready) and not self._woken.is_set():
            self._settled.set()

    def _wanted(self) -> set[str]:
        return {*transformers(self._experiments), *bundles(self._experiments)}

    def _route(self) -> None:
        self._router.adopt(self._experiments, frozenset(self._ready))

    def _state(self, ref: str) -> str:
        if ref in self._ready:
            return READY
        if not self._catalogue.knows(ref):
            return self._catalogue.reason(ref) or LOADING
        own = TRANSFORMER_STAGES if ref in self._catalogue.models else TREE_STAGES
        found = [state(ref, own, self._holdings)]
        found += [state(other, TREE_STAGES, self._holdings) for other in self._catalogue.needs(ref)[1:]]
        return next((each for each in found if each != READY), READY)
