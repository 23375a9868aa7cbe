"""The stages as the flow sees them, behind deployment handles: one remote call a batch.

A handle makes a handle of each method anew whenever it is asked for it, so each is asked for once.
"""

from collections.abc import Sequence

from ray.serve.handle import DeploymentHandle

from pipeline.types import Floats, RuleHit, TokenBatch, TreeScores


class RemoteRules:
    def __init__(self, handle: DeploymentHandle) -> None:
        self._check = handle.check

    async def check(
        self, texts: list[str], senders: list[str], obfuscated: list[bool]
    ) -> list[tuple[RuleHit, ...] | None]:
        hits: list[tuple[RuleHit, ...] | None] = await self._check.remote(texts, senders, obfuscated)
        return hits


class RemoteTrees:
    def __init__(self, handle: DeploymentHandle) -> None:
        self._score = handle.score

    async def score(self, texts: list[str], senders: list[str], version: str) -> TreeScores:
        scores: TreeScores = await self._score.remote(texts, senders, version)
        return scores


class RemoteTokenizer:
    def __init__(self, handle: DeploymentHandle) -> None:
        self._encode = handle.encode

    async def encode(self, texts: list[str], versions: list[str]) -> TokenBatch:
        tokens: TokenBatch = await self._encode.remote(texts, versions)
        return tokens


class RemoteTransformer:
    def __init__(self, handle: DeploymentHandle) -> None:
        self._score = handle.score
        self._score_copies = handle.score_copies

    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats:
        logits: Floats = await self._score.remote(tokens, versions)
        return logits

    async def score_copies(self, tokens: TokenBatch, versions: list[str]) -> Floats | None:
        logits: Floats | None = await self._score_copies.remote(tokens, versions)
        return logits


class RemoteIntent:
    def __init__(self, handle: DeploymentHandle) -> None:
        self._classify = handle.classify

    async def classify(
        self,
        texts: list[str],
        senders: list[str],
        budgets_s: Sequence[float],
        tenants: Sequence[str] | None = None,
    ) -> list[str | None]:
        payers = None if tenants is None else list(tenants)
        intents: list[str | None] = await self._classify.remote(texts, senders, list(budgets_s), payers)
        return intents
