"""Spam logits of every transformer version that is held.

Each version has a thread and a queue of its own, which go with it: one that is slow or hangs holds up nobody else.
"""

import logging
import os
import time

from configs.resources import open_store
from configs.settings import Models, Settings, secrets
from deployments import interpreter
from deployments.stages.keeper import Keeper
from deployments.stages.worker import DRY_RUN, Worker, discreet
from model_store.store import Bundle
from pipeline.merging import Merger
from pipeline.models.distilbert import Transformer
from pipeline.models.tokenizer import WordPiece
from pipeline.readiness import transformers
from pipeline.sharing import Sharing
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
        # Whoever waits with copies for longer would be taken for a stage that hangs.
        self._sharing = Sharing(self._keeper.get, settings.stage_timeout_ms / 2000)
        interpreter.settle()

    @discreet
    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        return await self._sharing.score(tokens, versions)

    @discreet
    async def score_copies(self, tokens: TokenBatch, versions: list[str]) -> Floats | None:
        return await self._sharing.score_copies(tokens, versions)

    def _open(self, bundle: Bundle, models: Models) -> Merger:
        """A thread with the model, dry run, with the threads and the budget that suit this machine.

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
        model.micro_batch(WordPiece(bundle.path, bundle.manifest.max_tokens).encode([DRY_RUN]))
        worker = Worker()
        return Merger(bundle.manifest.ref, lambda tokens: worker.run(model.micro_batch, tokens), budget)


def _reserved_cores() -> int:
    """Of this replica: Ray says so in a variable that others read as well."""
    value = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(value)) if value.isdecimal() else 1
