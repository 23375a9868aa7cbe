"""Spam gate, phishing, OTP and intent on TF-IDF and heuristics."""

from configs.resources import open_store
from configs.settings import Settings
from deployments import interpreter
from deployments.stages.worker import DRY_RUN, Worker, discreet
from pipeline.models.lightgbm import TreeModels
from pipeline.types import TreeScores


class LightGbm:
    """A `TreeStage`."""

    def __init__(self, settings: Settings) -> None:
        bundle = open_store(settings).open(settings.models.trees)
        self._models = TreeModels(bundle.path, bundle.manifest.calibration)
        self._models.score([DRY_RUN], [""])
        self._worker = Worker()
        interpreter.settle()

    @discreet
    async def score(self, texts: list[str], senders: list[str]) -> TreeScores:
        return await self._worker.run(self._models.score, texts, senders)
