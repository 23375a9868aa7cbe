"""Which versions may be given traffic: those that every replica holds.

Once given it, a version keeps it, whoever comes or goes; unless a replica cannot load it and another arm can answer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from deployments.catalogue import Catalogue
from pipeline.clients.fleet import Fleet
from pipeline.directory import Directory
from pipeline.errors import WinnowError, describe
from pipeline.readiness import (
    LOADING,
    READY,
    TRANSFORMER_STAGES,
    TREE_STAGES,
    Holdings,
    bundles,
    lacking,
    state,
    transformers,
)
from pipeline.router import Router
from pipeline.routing import Experiment, in_force, spared

log = logging.getLogger(__name__)

_POLL_S = 0.3


class Roster:
    """Follows experiments and replicas, and tells the router.

    Args:
        catalogue: gets to know the versions that experiments name.
        router: of the classifier.
        fleet: tells which replica holds what.
        on_lack: hears of each version that experiments name, and how many replicas do not hold it.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        router: Router,
        fleet: Fleet,
        on_lack: Callable[[Mapping[str, int]], None] = lambda _: None,
    ) -> None:
        self._catalogue = catalogue
        self._router = router
        self._fleet = fleet
        self._on_lack = on_lack
        self._wished: tuple[Experiment, ...] = ()
        self._routed: tuple[Experiment, ...] = ()
        self._holdings: Holdings = {}
        self._loaded_at_start = frozenset(catalogue.manifests)
        self._ready = set(self._loaded_at_start)
        self._settled = asyncio.Event()
        self._trouble = ""
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._repeat(self._look)), loop.create_task(self._repeat(self._learn))]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def adopt(self, directory: Directory) -> None:
        """Take over new weights at once. Arms that are not ready wait; where none is, the weights of before stay."""
        self._wished = directory.experiments
        self._route()
        self._settled.clear()

    async def settled(self) -> None:
        """Return when every arm in force has been loaded everywhere, or cannot be."""
        await self._settled.wait()

    def states(self, refs: Iterable[str]) -> dict[str, str]:
        """Version to "ready", or to what is missing, in words."""
        return {ref: self._state(ref) for ref in refs}

    async def _repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        """Every so often. Whatever fails, what was ready stays so."""
        while True:
            try:
                await work()
                self._trouble = ""
            except Exception as error:
                self._complain(error)
            await asyncio.sleep(_POLL_S)

    async def _learn(self) -> None:
        await self._catalogue.learn(self._wanted())

    async def _look(self) -> None:
        wanted = self._wanted()
        if wanted:
            self._holdings = await self._fleet.holdings()
            self._on_lack({ref: lacking(ref, self._stages(ref), self._holdings) for ref in wanted})
        fresh = {ref for ref in wanted - self._ready if self._state(ref) == READY}
        if fresh:
            log.info("ready for traffic: %s", ", ".join(sorted(fresh)))
            self._ready |= fresh
            self._route()
        failed = {ref for ref in wanted & self._ready if self._fails(ref) and spared(ref, self._wished, self._ready)}
        if failed:
            log.warning("taken out of traffic, as a replica cannot load them: %s", ", ".join(sorted(failed)))
            self._ready -= failed
            self._route()
        if wanted == self._wanted() and not any(LOADING in self._state(ref) for ref in wanted):
            self._settled.set()

    def _wanted(self) -> set[str]:
        return {*transformers(self._wished), *bundles(self._wished)}

    def _route(self) -> None:
        self._routed = in_force(self._wished, self._routed, self._ready)
        self._ready &= {*self._loaded_at_start, *self._wanted(), *transformers(self._routed), *bundles(self._routed)}
        self._router.adopt(self._routed, frozenset(self._ready))

    def _stages(self, ref: str) -> tuple[str, ...]:
        return TRANSFORMER_STAGES if ref in self._catalogue.models else TREE_STAGES

    def _fails(self, ref: str) -> bool:
        """Whether a replica says that it cannot hold the version, which others do."""
        found = self._held(ref)
        return found != READY and not found.startswith(LOADING)

    def _state(self, ref: str) -> str:
        return READY if ref in self._ready else self._held(ref)

    def _held(self, ref: str) -> str:
        if not self._catalogue.knows(ref):
            return self._catalogue.reason(ref) or LOADING
        found = [state(ref, self._stages(ref), self._holdings)]
        found += [state(other, TREE_STAGES, self._holdings) for other in self._catalogue.needs(ref)[1:]]
        return next((each for each in found if each != READY), READY)

    def _complain(self, error: Exception) -> None:
        """Once, and not with every look."""
        trouble = error.detail if isinstance(error, WinnowError) else describe(error)
        if trouble != self._trouble:
            log.warning("versions cannot be followed: %s", trouble)
            self._trouble = trouble
