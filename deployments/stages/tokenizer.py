"""Token ids, by the tokenizer of each item's transformer version."""

from configs.resources import open_store
from configs.settings import Settings
from deployments import interpreter
from deployments.stages.worker import DRY_RUN, Worker, discreet
from pipeline.models.tokenizer import Tokenizers, WordPiece
from pipeline.types import TokenBatch


class Tokenizer:
    """A `TokenStage`."""

    def __init__(self, settings: Settings) -> None:
        store = open_store(settings)
        bundles = {ref: store.open(ref) for ref in settings.models.transformers}
        self._tokenizers = Tokenizers({ref: WordPiece(b.path, b.manifest.max_tokens) for ref, b in bundles.items()})
        self._tokenizers.encode([DRY_RUN] * len(bundles), list(bundles))
        self._worker = Worker()
        interpreter.settle()

    @discreet
    async def encode(self, texts: list[str], versions: list[str]) -> TokenBatch:
        return await self._worker.run(self._tokenizers.encode, texts, versions)
