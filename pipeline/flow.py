"""The DAG: one batch of messages through rules and trees side by side; what their gate leaves open goes through
tokenizer and transformer, each transformer version by itself.

The same code runs in a unit test with plain objects and in Serve with deployment handles. A stage that
fails or hangs is left out and named in `degraded`; the others still answer. After repeated failures it is left alone
but for a probe now and then, so that a dead stage costs its timeout a few times and not for every batch. Where a stage
has versions, that goes for each of them: a new one that is slow or dead takes nothing from the old one.
"""

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from operator import itemgetter
from typing import TypeVar

import msgspec

from pipeline.breaker import Breaker
from pipeline.cancellation import stops_this_task
from pipeline.cascade import Gate, SpamModel
from pipeline.columns import assemble, bundles_of
from pipeline.errors import Overloaded, describe
from pipeline.observe import LEFT_ALONE, Observer
from pipeline.scoring import Answers, combine, evidence
from pipeline.types import (
    Assessment,
    Message,
    RuleHit,
    RuleStage,
    TokenStage,
    TransformerStage,
    TreeScores,
    TreeStage,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

RULES, TREES, TOKENIZER, TRANSFORMER = "rules", "lightgbm", "tokenizer", "distilbert"

#: Index of a message to its logit, NaN where there is none, and which stage is to blame for that.
Logits = dict[int, tuple[float, str | None]]


class Stages(msgspec.Struct, frozen=True):
    rules: RuleStage
    trees: TreeStage
    tokenizer: TokenStage
    transformer: TransformerStage


class Flow:
    """Assesses batches of messages.

    Args:
        stages: where the work is done.
        models: transformer version to what the flow must know of it; may grow.
        gate: the cascade.
        timeout_s: how long one stage may take for one batch before it is left out.
        observer: hears of every stage and of the cascade.
    """

    def __init__(
        self,
        stages: Stages,
        models: Mapping[str, SpamModel],
        gate: Gate,
        *,
        timeout_s: float,
        observer: Observer,
    ) -> None:
        self._stages = stages
        self._models = models
        self._gate = gate
        self._timeout_s = timeout_s
        self._observer = observer
        self._breakers: dict[str, Breaker] = defaultdict(lambda: Breaker(threshold=3))

    async def assess(self, batch: Sequence[Message]) -> list[Assessment]:
        """One assessment a message, in order. Never raises for what a stage does.

        Raises:
            Overloaded: a stage has no time for messages that can wait (`pipeline.shadow`).
        """
        found = [each async for part in self.assess_in_parts(batch) for each in part]
        return [assessment for _, assessment in sorted(found, key=itemgetter(0))]

    async def assess_in_parts(self, batch: Sequence[Message]) -> AsyncIterator[list[tuple[int, Assessment]]]:
        """Index and assessment of each message; those that the gate decides do not wait for the transformer."""
        texts, senders = [m.text for m in batch], [m.sender for m in batch]
        versions, obfuscated = [m.versions.spam for m in batch], [m.obfuscated for m in batch]
        size = len(batch)
        checked = self._attempt(RULES, lambda: self._stages.rules.check(texts, senders, obfuscated), size, len)
        rules, trees = await asyncio.gather(checked, self._score(batch, texts, senders))
        weights = [evidence(hits or (), "spam") for hits in rules] if rules else [0.0] * size
        chosen, audited = self._choose(versions, trees, weights)
        if len(chosen) < size:
            yield [(i, self._combine(i, batch[i], rules, trees)) for i in range(size) if i not in chosen]
        async with aclosing(self._transform(chosen, texts, versions)) as answered:
            async for logits in answered:
                self._audit([i for i in audited if i in logits], versions, trees, logits, weights)
                yield [(i, self._combine(i, batch[i], rules, trees, *logit)) for i, logit in logits.items()]

    async def _score(self, batch: Sequence[Message], texts: list[str], senders: list[str]) -> TreeScores:
        """Each task's scores by the bundle that is to answer it; mostly that is the same for all, and one call."""
        versions = [message.versions for message in batch]
        bundles = bundles_of(versions)
        parts = await asyncio.gather(
            *(
                self._score_by(bundle, [texts[i] for i in rows], [senders[i] for i in rows])
                for bundle, rows in bundles.items()
            )
        )
        return assemble(versions, bundles, dict(zip(bundles, parts, strict=True)))

    async def _score_by(self, bundle: str, texts: list[str], senders: list[str]) -> TreeScores | None:
        score = self._stages.trees.score
        return await self._attempt(
            TREES, lambda: score(texts, senders, bundle), len(texts), lambda t: len(t.spam), bundle
        )

    def _choose(
        self, versions: list[str], trees: TreeScores, weights: list[float]
    ) -> tuple[dict[int, None], list[int]]:
        """Indices that need the transformer (as an ordered set), and those of them that are only audited."""
        chosen: dict[int, None] = {}
        audited: list[int] = []
        gates, known = trees.spam.tolist(), trees.known.tolist()
        for i, version in enumerate(versions):
            if not self._gate.skips(version, gates[i], weights[i], known[i]):
                chosen[i] = None
            elif self._gate.audits():
                chosen[i] = None
                audited.append(i)
        self._observer.cascade(len(versions) - len(chosen) + len(audited), len(versions))
        return chosen, audited

    async def _transform(
        self, chosen: Iterable[int], texts: list[str], versions: list[str]
    ) -> AsyncGenerator[Logits, None]:
        """Logits of the chosen messages: those of a version as soon as they are there, whatever the others do."""
        groups: dict[str, list[int]] = {}
        for i in chosen:
            groups.setdefault(versions[i], []).append(i)
        attempts = [self._transform_by(ref, rows, [texts[i] for i in rows]) for ref, rows in groups.items()]
        if len(attempts) < 2:  # as mostly: what follows costs tasks
            for attempt in attempts:
                yield await attempt
            return
        tasks = [asyncio.ensure_future(attempt) for attempt in attempts]
        try:
            for answered in asyncio.as_completed(tasks):
                yield await answered
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _transform_by(self, version: str, rows: list[int], texts: list[str]) -> Logits:
        size, versions = len(rows), [version] * len(rows)
        encode, score = self._stages.tokenizer.encode, self._stages.transformer.score
        tokens = await self._attempt(
            TOKENIZER, lambda: encode(texts, versions), size, lambda t: len(t.lengths), version
        )
        if tokens is None:
            return dict.fromkeys(rows, (math.nan, TOKENIZER))
        scores = await self._attempt(TRANSFORMER, lambda: score(tokens, versions), size, len, version)
        logits = [math.nan] * size if scores is None else scores.tolist()
        blame = [TRANSFORMER if length else TOKENIZER for length in tokens.lengths.tolist()]
        found = zip(rows, logits, blame, strict=True)
        return {i: (logit, stage if math.isnan(logit) else None) for i, logit, stage in found}

    def _audit(
        self, audited: list[int], versions: list[str], trees: TreeScores, logits: Logits, weights: list[float]
    ) -> None:
        for i in audited:
            disagreed = self._gate.record(versions[i], float(trees.spam[i]), logits[i][0], weights[i])
            if disagreed is not None:
                self._observer.audit(disagreed)

    def _combine(
        self,
        i: int,
        message: Message,
        rules: list[tuple[RuleHit, ...] | None] | None,
        trees: TreeScores,
        logit: float = math.nan,
        missing: str | None = None,
    ) -> Assessment:
        hits = None if rules is None else rules[i]
        answers = Answers(
            hits=hits or (),
            gate=float(trees.spam[i]),
            phishing=float(trees.phishing[i]),
            otp=float(trees.otp[i]),
            intent=trees.intent[i].tolist(),
            transformer=logit,
            degraded=(),
        )
        left_out = tuple(_left_out(answers, hits is None, missing))
        model = self._models.get(message.versions.spam)
        ensemble = None if model is None else model.ensemble
        models = msgspec.structs.asdict(message.versions)
        return combine(msgspec.structs.replace(answers, degraded=left_out), ensemble, models)

    async def _attempt(
        self, stage: str, call: Callable[[], Awaitable[T]], items: int, count: Callable[[T], int], version: str = ""
    ) -> T | None:
        """The stage's answer, or None when it fails, takes too long, or is left alone, with that version at least.

        Raises:
            Overloaded: the stage has no time for what can wait; that is no failure.
        """
        name = f"{stage} {version}".rstrip()
        breaker, started = self._breakers[name], time.monotonic()
        if not breaker.allow(started):
            self._observer.stage(stage, items, 0.0, LEFT_ALONE)
            return None
        failure = None
        try:
            answer = await asyncio.wait_for(call(), self._timeout_s)
            if count(answer) != items:
                raise ValueError(f"{count(answer)} answers for {items} items")
            breaker.success()
            return answer
        except BaseException as error:
            if isinstance(error, Overloaded) or stops_this_task(error):
                raise
            failure = type(error).__name__
            breaker.failure(time.monotonic())
            log.warning("stage %s left out of a batch of %d: %s", name, items, describe(error))
            return None
        finally:
            self._observer.stage(stage, items, time.monotonic() - started, failure)


def _left_out(answers: Answers, no_rules: bool, missing: str | None) -> Iterator[str]:
    if no_rules:
        yield RULES
    if math.isnan(answers.gate) or math.isnan(answers.phishing) or math.isnan(answers.otp):
        yield TREES
    if missing:
        yield missing
