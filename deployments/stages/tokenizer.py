"""Token ids, by the tokenizer of each item's transformer version."""

from configs.resources import open_store
from configs.settings import Settings, secrets
from deployments import interpreter
from deployments.stages.keeper import Keeper
from deployments.stages.worker import DRY_RUN, Worker, discreet
from model_store.store import Bundle
from pipeline.models.tokenizer import Tokenizers, WordPiece
from pipeline.readiness import transformers
from pipeline.types import TokenBatch


class Tokenizer:
    """A `TokenStage`.

    Args:
        settings: of the application.
        live: whether to hold what experiments name, beside the versions of the settings.
    """

    def __init__(self, settings: Settings, *, live: bool = False) -> None:
        models = settings.models
        self._keeper = Keeper("Tokenizer", open_store(settings), _open, models.transformers, models.memory_mb << 20)
        if live:
            from deployments.stages.follower import follow  # who evaluates offline needs no backend

            follow(self._keeper, secrets().database_url, transformers)
        self._tokenizers = Tokenizers(self._keeper.get)
        self._worker = Worker()
        interpreter.settle()

    @discreet
    async def encode(self, texts: list[str], versions: list[str]) -> TokenBatch:
        return await self._worker.run(self._tokenizers.encode, texts, versions)


def _open(bundle: Bundle) -> WordPiece:
    opened = WordPiece(bundle.path, bundle.manifest.max_tokens)
    opened.encode([DRY_RUN])
    return opened
