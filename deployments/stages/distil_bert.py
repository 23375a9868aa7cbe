"""Spam logits of every transformer version that is held."""

import logging
import os
import time

from configs.resources import open_store
from configs.settings import Models, Settings, secrets
from deployments import interpreter
from deployments.stages.keeper import Keeper
from deployments.stages.worker import DRY_RUN, Worker, discreet
from model_store.store import Bundle
from pipeline.errors import ModelError
from pipeline.merging import Merger
from pipeline.models.distilbert import Transformer
from pipeline.models.tokenizer import WordPiece
from pipeline.readiness import transformers
from pipeline.tuning import best_budget, best_threads
from pipeline.types import Floats, TokenBatch

log = logging.getLogger(__name__)


class DistilBert:
    """A `TransformerStage`.

    Args:
        settings: of the application.
        live: whether to hold what experiments name, beside the versions of the settings.
    """

    def __init__(self, settings: Settings, *, live: bool = False) -> None:
        models = settings.models
        self._tuned: tuple[int, int] | None = None  #: threads and budget
        self._keeper = Keeper(
            "DistilBert",
            open_store(settings),
            lambda bundle: self._open(bundle, models),
            models.transformers,
            models.memory_mb << 20,
        )
        if live:
            from deployments.stages.follower import follow  # who evaluates offline needs no backend

            follow(self._keeper, secrets().database_url, transformers)
        self._worker = Worker()
        interpreter.settle()
        self._merger = Merger(self._run, self._budget)

    @discreet
    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        return await self._merger.score(tokens, versions)

    def _budget(self, version: str) -> int | None:
        model = self._keeper.get(version)
        return model.budget if model else None

    async def _run(self, version: str, tokens: TokenBatch) -> Floats:
        model = self._keeper.get(version)
        if model is None:  # let go of meanwhile
            raise ModelError(f"{version} is not held")
        return await self._worker.run(model.micro_batch, tokens)

    def _open(self, bundle: Bundle, models: Models) -> Transformer:
        """The model, dry run, with the threads and the budget that suit this machine.

        Unless the settings name them they are measured once: a version that comes later must not disturb the traffic.
        """

        def opened(threads: int) -> Transformer:
            return Transformer(bundle.path, bundle.manifest.calibration["spam"], threads=threads)

        if self._tuned is None:
            budget = models.token_budget or best_budget(opened(1).micro_batch, time.process_time)
            threads = models.threads or best_threads(
                lambda count: opened(count).micro_batch, budget, _reserved_cores(), time.perf_counter
            )
            self._tuned = threads, budget
            log.info("%d threads, %d padded tokens a micro-batch", threads, budget)
        threads, budget = self._tuned
        model = opened(threads)
        model.budget = budget
        model.logits(WordPiece(bundle.path, bundle.manifest.max_tokens).encode([DRY_RUN]))
        return model


def _reserved_cores() -> int:
    """Of this replica: Ray says so in a variable that others read as well."""
    value = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(value)) if value.isdecimal() else 1
