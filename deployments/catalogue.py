"""What an ingress replica knows of model versions: how their scores are read, and what they are combined with."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable

from configs.resources import open_store, partner, read_manifests, read_policies
from configs.settings import Settings
from model_store.manifest import Manifest
from pipeline.cascade import SpamModel
from pipeline.errors import ConfigError, InvalidField, ModelError, WinnowError, describe
from pipeline.policy import LimitBook
from pipeline.routing import TASKS
from pipeline.scoring import RULES_SCORER, RULES_THRESHOLDS

log = logging.getLogger(__name__)

_RETRY_S = 30.0
_KIND = {"spam": "distilbert", "phishing": "lightgbm", "otp": "lightgbm", "intent": "lightgbm"}
#: Tasks that a version has thresholds for.
_SCORES = {"distilbert": ("spam",), "lightgbm": ("spam", "phishing", "otp")}


class Catalogue:
    """Begins with the versions of the settings and grows as experiments name others; what it knows it keeps.

    Raises:
        ConfigError: a policy has no thresholds in one of them.
        ModelError: one of them is missing, tampered with or incompatible.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = open_store(settings)
        self.limits = LimitBook(read_policies(settings), {RULES_SCORER: RULES_THRESHOLDS})
        self.models: dict[str, SpamModel] = {}  #: transformers
        self.manifests: dict[str, Manifest] = {}
        self._failed: dict[str, tuple[str, float]] = {}  #: why, and when to try again
        for ref, manifest in read_manifests(settings).items():
            self._add(ref, manifest)

    @property
    def defaults(self) -> dict[str, str]:
        """Task to the version that answers where no experiment says otherwise."""
        models = self._settings.models
        return {task: models.transformers[0] if task == "spam" else models.trees for task in TASKS}

    def partner(self, ref: str) -> str:
        """The TF-IDF bundle that a known transformer is calibrated with."""
        return partner(self._settings, self.manifests[ref])

    def knows(self, ref: str) -> bool:
        return ref in self.manifests

    def needs(self, ref: str) -> list[str]:
        """The version itself and, for a known transformer, its partner."""
        return [ref, self.partner(ref)] if ref in self.models else [ref]

    def reason(self, ref: str) -> str:
        """Why a version is not known; "" where nobody has tried."""
        return self._failed.get(ref, ("", 0.0))[0]

    async def learn(self, refs: Iterable[str]) -> None:
        """Get to know versions, side by side. What cannot be is logged, and tried again after a while."""
        now = time.monotonic()
        unknown = [ref for ref in refs if not self.knows(ref) and self._failed.get(ref, ("", 0.0))[1] <= now]
        await asyncio.gather(*map(self._learn, unknown))

    async def _learn(self, ref: str) -> None:
        try:
            await self._open(ref)
            self._failed.pop(ref, None)
        except Exception as error:
            reason = error.detail if isinstance(error, WinnowError) else f"cannot be read: {describe(error)}"
            log.warning("%s is given no traffic: %s", ref, reason)
            self._failed[ref] = reason, time.monotonic() + _RETRY_S

    async def admit(self, task: str, refs: Collection[str]) -> None:
        """Make sure that versions are in the store, intact, and fit to answer a task.

        Raises:
            InvalidField: names the version that is not, and why.
            Unavailable: the store is away.
        """
        for ref in refs:
            field = f"$.arms['{ref}']"
            try:
                await self._open(ref)
            except (ModelError, ConfigError) as error:
                raise InvalidField(error.detail, field=field) from None
            kind = self.manifests[ref].kind
            if kind != _KIND[task]:
                raise InvalidField(f"is a {kind}; what answers the task {task} is a {_KIND[task]}", field=field)

    async def _open(self, ref: str) -> None:
        """Check a version's files, though it is known, and those of its partner."""
        manifest = (await asyncio.to_thread(self._store.open, ref)).manifest
        if manifest.ensemble:
            other = (await asyncio.to_thread(self._store.open, manifest.ensemble.partner)).manifest
            self._add(other.ref, other)
        self._add(ref, manifest)

    def _add(self, ref: str, manifest: Manifest) -> None:
        self.limits.add(ref, manifest.thresholds, _SCORES[manifest.kind])
        if manifest.kind == "distilbert":
            cuts = tuple(sorted(set(manifest.thresholds["spam"].values())))
            self.models[ref] = SpamModel(ref, manifest.ensemble, manifest.cascade, cuts)
        self.manifests[ref] = manifest
