"""Spam logits of every loaded transformer version."""

import logging
import os
import time

from configs.resources import open_store
from configs.settings import Models, Settings
from deployments import interpreter
from deployments.stages.worker import DRY_RUN, Worker, discreet
from model_store.store import Bundle
from pipeline.merging import Merger
from pipeline.models.distilbert import Transformer
from pipeline.models.tokenizer import WordPiece
from pipeline.tuning import best_budget, best_threads
from pipeline.types import Floats, TokenBatch

log = logging.getLogger(__name__)


class DistilBert:
    """A `TransformerStage`."""

    def __init__(self, settings: Settings) -> None:
        store = open_store(settings)
        self._versions: dict[str, Transformer] = {}
        for ref in settings.models.transformers:
            bundle = store.open(ref)
            self._versions[ref] = _open(bundle, settings.models)
            self._versions[ref].logits(WordPiece(bundle.path, bundle.manifest.max_tokens).encode([DRY_RUN]))
        self._worker = Worker()
        interpreter.settle()
        self._merger = Merger(self._run, {ref: model.budget for ref, model in self._versions.items()})

    @discreet
    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        return await self._merger.score(tokens, versions)

    async def _run(self, version: str, tokens: TokenBatch) -> Floats:
        return await self._worker.run(self._versions[version].micro_batch, tokens)


def _open(bundle: Bundle, models: Models) -> Transformer:
    """The model with the threads and the budget that suit this machine, unless the settings name them."""

    def opened(threads: int) -> Transformer:
        return Transformer(bundle.path, bundle.manifest.calibration["spam"], threads=threads)

    budget = models.token_budget or best_budget(opened(1).micro_batch, time.process_time)
    threads = models.threads or best_threads(
        lambda count: opened(count).micro_batch, budget, _reserved_cores(), time.perf_counter
    )
    model = opened(threads)
    model.budget = budget
    log.info("%s: %d threads, %d padded tokens a micro-batch", bundle.manifest.ref, threads, model.budget)
    return model


def _reserved_cores() -> int:
    """Of this replica: Ray says so in a variable that others read as well."""
    value = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(value)) if value.isdecimal() else 1
