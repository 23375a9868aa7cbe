"""The versions that a stage's replica holds: those it starts with, and those that experiments name meanwhile.

A version answers a dry run before it is told of, and nobody sends it anything before that. One that is wanted is never
taken away. `deployments.stages.follower` says what is wanted.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Generic, TypeVar

import psutil  # type: ignore[import-untyped]

from model_store.store import Bundle, Store
from pipeline.errors import ModelError, WinnowError, describe
from pipeline.holding import Held, to_unload
from pipeline.readiness import LOADING, READY

log = logging.getLogger(__name__)

_RETRY_S = 30.0  #: after which a version that could not be loaded is tried again

Model = TypeVar("Model")


class Keeper(Generic[Model]):
    """
    Args:
        stage: name of the deployment.
        store: where versions come from.
        load: opens a version and lets it answer a dry run.
        first: versions to start with; they stay.
        budget: bytes that the versions may take together.
        clock: seconds, monotonic.

    Raises:
        ModelError: one of the first versions cannot be loaded.
    """

    def __init__(
        self,
        stage: str,
        store: Store,
        load: Callable[[Bundle], Model],
        first: Iterable[str],
        budget: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stage = stage
        self._store = store
        self._load = load
        self._first = tuple(dict.fromkeys(first))
        self._budget = budget
        self._clock = clock
        self._models: Mapping[str, Model] = {}  # replaced, never changed: other threads read it
        self._held: dict[str, Held] = {}
        self._failed: dict[str, tuple[str, float]] = {}  #: why, and when to try again
        self._loading = ""
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

    def hold(self, wanted: Collection[str]) -> None:
        """Load what is wanted and not there, and make room for it where needed. Failures are kept in `states`."""
        wanted, now = {*self._first, *wanted}, self._clock()
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
            log.info("%s holds %s", self.stage, ref)
        except WinnowError as error:
            self._fail(ref, error.detail)
        except Exception as error:
            self._fail(ref, f"cannot be loaded: {describe(error)}")
        finally:
            self._loading = ""

    def _fail(self, ref: str, reason: str) -> None:
        log.warning("%s does not hold %s: %s", self.stage, ref, reason)
        self._failed[ref] = reason, self._clock() + _RETRY_S

    def _make_room(self, ref: str, wanted: Collection[str]) -> None:
        need = sum(info.bytes for info in self._store.manifest(ref).files.values())
        going = to_unload(self._held, wanted, need, self._budget, self._clock())
        if going is None:
            raise ModelError(f"{ref} needs {need >> 20} MB, more than what is left of {self._budget >> 20} MB")
        for each in going:
            del self._held[each]
            self._models = {known: model for known, model in self._models.items() if known != each}
            log.info("%s let go of %s", self.stage, each)

    def _add(self, ref: str) -> None:
        bundle = self._store.open(ref)
        before = _resident()
        model = self._load(bundle)
        size = sum(info.bytes for info in bundle.manifest.files.values())
        self._held[ref] = Held(max(size, _resident() - before), self._clock())
        self._models = {**self._models, ref: model}


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)
