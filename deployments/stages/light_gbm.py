"""Spam gate, phishing, OTP and intent on TF-IDF and heuristics, by every bundle that is held."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from configs.resources import open_store, partner, trees_to_start_with
from configs.settings import Settings, secrets
from deployments import interpreter
from deployments.stages.keeper import Keeper
from deployments.stages.worker import DRY_RUN, Worker, discreet
from model_store.store import Bundle
from pipeline.errors import WinnowError
from pipeline.models.lightgbm import TreeModels
from pipeline.readiness import bundles, transformers
from pipeline.routing import Experiment
from pipeline.types import INTENTS, TreeScores


class LightGbm:
    """A `TreeStage`.

    Args:
        settings: of the application.
        live: whether to hold what experiments name, beside the versions of the settings.
    """

    def __init__(self, settings: Settings, *, live: bool = False) -> None:
        self._settings = settings
        self._store = open_store(settings)
        self._partners: dict[str, str] = {}
        self._keeper = Keeper(
            "LightGbm", self._store, _open, trees_to_start_with(settings), settings.models.memory_mb << 20
        )
        if live:
            from deployments.stages.follower import follow  # who evaluates offline needs no backend

            follow(self._keeper, secrets().database_url, self._needs)
        self._worker = Worker()
        interpreter.settle()

    @discreet
    async def score(self, texts: list[str], senders: list[str], version: str) -> TreeScores:
        models = self._keeper.get(version)
        if models is None:
            return _nothing(len(texts))
        return await self._worker.run(models.score, texts, senders)

    def _needs(self, experiments: Sequence[Experiment]) -> set[str]:
        needed = set(bundles(experiments))
        for ref in transformers(experiments):
            with suppress(WinnowError):  # whoever loads the transformer says why it cannot be
                needed.add(self._partner(ref))
        return needed

    def _partner(self, ref: str) -> str:
        """Of a transformer, remembered: a version never changes, and the store may be far away."""
        if ref not in self._partners:
            self._partners[ref] = partner(self._settings, self._store.manifest(ref))
        return self._partners[ref]


def _open(bundle: Bundle) -> TreeModels:
    models = TreeModels(bundle.path, bundle.manifest.calibration)
    models.score([DRY_RUN], [""])
    return models


def _nothing(size: int) -> TreeScores:
    one = np.full(size, np.nan, dtype=np.float32)
    return TreeScores(
        spam=one, phishing=one, otp=one, known=one, intent=np.full((size, len(INTENTS)), np.nan, np.float32)
    )
