"""The stages as Ray Serve deployments: thin shells that load once, answer a dry run, and call `pipeline`.

With user code on the replica's main loop a blocking call would stop the replica, so models run in a thread.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import numpy as np
from ray import serve

from configs.resources import open_store, read_rules
from configs.settings import Settings, secrets
from pipeline.clients.groq_intent import GroqIntent as GroqClient
from pipeline.clients.redis_store import RedisStore
from pipeline.keys import Keys
from pipeline.models.distilbert import Transformer
from pipeline.models.lightgbm import TreeModels
from pipeline.models.tokenizer import WordPiece
from pipeline.reputation import reputation_hit
from pipeline.tokens import by_version, merge, select
from pipeline.types import Floats, RuleHit, TokenBatch, TreeScores

DRY_RUN = "Your parcel arrives today between 2 and 4 pm."

P = ParamSpec("P")
R = TypeVar("R")


class Worker:
    """One thread for the models of a replica."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **kwargs))


@serve.deployment(name="RuleEngine", max_ongoing_requests=64)
class RuleEngine:
    """Rules, allow and deny lists, sender reputation."""

    def __init__(self, settings: Settings) -> None:
        self._book = read_rules(settings)
        environment = secrets()
        self._keys = Keys(environment.winnow_secret)
        self._store = RedisStore(environment.redis_url, timeout_s=settings.redis_timeout_ms / 1000)
        self._book.check(DRY_RUN, "", obfuscated=False)

    async def check(self, texts: list[str], senders: list[str], obfuscated: list[bool]) -> list[tuple[RuleHit, ...]]:
        reputations = await self._reputations(senders)
        return [
            self._book.check(text, sender, reputations.get(sender), obfuscated=hidden)
            for text, sender, hidden in zip(texts, senders, obfuscated, strict=True)
        ]

    async def _reputations(self, senders: Sequence[str]) -> dict[str, RuleHit | None]:
        known = list({sender for sender in senders if sender})
        if not known:
            return {}
        counts = await self._store.reputations([self._keys.sender(sender) for sender in known])
        return {sender: reputation_hit(*reports) for sender, reports in zip(known, counts, strict=True)}


@serve.deployment(name="LightGbm", max_ongoing_requests=64)
class LightGbm:
    """Spam gate, phishing, OTP and intent on TF-IDF and heuristics."""

    def __init__(self, settings: Settings) -> None:
        bundle = open_store(settings).open(settings.models.trees)
        self._models = TreeModels(bundle.path, bundle.manifest.calibration, threads=settings.models.threads)
        self._models.score([DRY_RUN], [""])
        self._worker = Worker()

    async def score(self, texts: list[str], senders: list[str]) -> TreeScores:
        return await self._worker.run(self._models.score, texts, senders)


@serve.deployment(name="Tokenizer", max_ongoing_requests=64)
class Tokenizer:
    """Token ids, by the tokenizer of each item's transformer version."""

    def __init__(self, settings: Settings) -> None:
        store = open_store(settings)
        bundles = {ref: store.open(ref) for ref in settings.models.transformers}
        self._tokenizers = {ref: WordPiece(b.path, b.manifest.max_tokens) for ref, b in bundles.items()}
        for tokenizer in self._tokenizers.values():
            tokenizer.encode([DRY_RUN])
        self._worker = Worker()

    async def encode(self, texts: list[str], versions: list[str]) -> TokenBatch:
        return await self._worker.run(self._encode, texts, versions)

    def _encode(self, texts: list[str], versions: list[str]) -> TokenBatch:
        groups = by_version(versions)
        parts = {ref: self._tokenizers[ref].encode([texts[i] for i in items]) for ref, items in groups.items()}
        return merge(parts, groups)


@serve.deployment(name="DistilBert", max_ongoing_requests=64)
class DistilBert:
    """Spam logits of every loaded transformer version."""

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

    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        return await self._worker.run(self._score, tokens, versions)

    def _score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        logits = np.full(len(versions), np.nan, dtype=np.float32)
        for ref, items in by_version(versions).items():
            if ref in self._models:
                logits[items] = self._models[ref].logits(select(tokens, items))
        return logits


@serve.deployment(name="GroqIntent", max_ongoing_requests=256)
class GroqIntent:
    """Intent of one-time passwords from a language model; None where it did not answer in time."""

    def __init__(self, settings: Settings) -> None:
        environment = secrets()
        self._client = GroqClient(
            environment.groq_api_key,
            base_url=environment.groq_base_url,
            model=settings.intent.model,
            max_concurrency=settings.intent.concurrency,
        )

    async def classify(self, texts: list[str], senders: list[str], budgets_s: list[float]) -> list[str | None]:
        return await self._client.classify(texts, senders, budgets_s)
