"""Spam logits of every loaded transformer version."""

from ray import serve

from configs.resources import open_store
from configs.settings import Settings
from deployments.stages.worker import DRY_RUN, Worker, discreet
from pipeline.models.distilbert import Transformer, Transformers
from pipeline.models.tokenizer import WordPiece
from pipeline.types import Floats, TokenBatch


@serve.deployment(name="DistilBert", max_ongoing_requests=64)
class DistilBert:
    """A `TransformerStage`."""

    def __init__(self, settings: Settings) -> None:
        store, models = open_store(settings), settings.models
        versions: dict[str, Transformer] = {}
        for ref in models.transformers:
            bundle = store.open(ref)
            versions[ref] = Transformer(
                bundle.path, bundle.manifest.calibration["spam"], budget=models.token_budget, threads=models.threads
            )
            versions[ref].logits(WordPiece(bundle.path, bundle.manifest.max_tokens).encode([DRY_RUN]))
        self._models = Transformers(versions)
        self._worker = Worker()

    @discreet
    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        return await self._worker.run(self._models.logits, tokens, versions)
