"""Spam logits of every loaded transformer version."""

import numpy as np
from ray import serve

from configs.resources import open_store
from configs.settings import Settings
from deployments.stages.worker import DRY_RUN, Worker, discreet
from pipeline.models.distilbert import Transformer
from pipeline.models.tokenizer import WordPiece
from pipeline.tokens import by_version, select
from pipeline.types import Floats, TokenBatch


@serve.deployment(name="DistilBert", max_ongoing_requests=64)
class DistilBert:
    """A `TransformerStage`."""

    def __init__(self, settings: Settings) -> None:
        store, models = open_store(settings), settings.models
        self._models: dict[str, Transformer] = {}
        for ref in models.transformers:
            bundle = store.open(ref)
            self._models[ref] = Transformer(
                bundle.path, bundle.manifest.calibration["spam"], budget=models.token_budget, threads=models.threads
            )
            self._models[ref].logits(WordPiece(bundle.path, bundle.manifest.max_tokens).encode([DRY_RUN]))
        self._worker = Worker()

    @discreet
    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        return await self._worker.run(self._score, tokens, versions)

    def _score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        logits = np.full(len(versions), np.nan, dtype=np.float32)
        for ref, items in by_version(versions).items():
            if ref in self._models:
                logits[items] = self._models[ref].logits(select(tokens, items))
        return logits
