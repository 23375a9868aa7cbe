"""Token ids, by the tokenizer of each item's transformer version."""

from ray import serve

from configs.resources import open_store
from configs.settings import Settings
from deployments.stages.worker import DRY_RUN, Worker, discreet
from pipeline.models.tokenizer import WordPiece
from pipeline.tokens import by_version, merge
from pipeline.types import TokenBatch


@serve.deployment(name="Tokenizer", max_ongoing_requests=64)
class Tokenizer:
    """A `TokenStage`."""

    def __init__(self, settings: Settings) -> None:
        store = open_store(settings)
        bundles = {ref: store.open(ref) for ref in settings.models.transformers}
        self._tokenizers = {ref: WordPiece(b.path, b.manifest.max_tokens) for ref, b in bundles.items()}
        for tokenizer in self._tokenizers.values():
            tokenizer.encode([DRY_RUN])
        self._worker = Worker()

    @discreet
    async def encode(self, texts: list[str], versions: list[str]) -> TokenBatch:
        return await self._worker.run(self._encode, texts, versions)

    def _encode(self, texts: list[str], versions: list[str]) -> TokenBatch:
        groups = by_version(versions)
        parts = {ref: self._tokenizers[ref].encode([texts[i] for i in items]) for ref, items in groups.items()}
        return merge(parts, groups)
