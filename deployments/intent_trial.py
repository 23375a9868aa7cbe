"""How right the intents of one-time passwords are: the language model's, the local model's, and both as they serve."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from pipeline.budget import Prices
from pipeline.errors import ConfigError, Unavailable
from pipeline.normalise import normalise
from pipeline.redaction import redact
from pipeline.senders import canonical_address
from pipeline.types import INTENTS, NOT_OTP, IntentStage
from training.evaluation.figures import intent_figures
from training.evaluation.judged import Judged
from training.evaluation.results import IntentFigures
from training.examples import Example
from training.intervals import Figure, mcnemar, share

#: The language model where it answers and the local models see a one-time password, else the local ones. A server
#: does so, but for the messages of which its local model is sure: those it does not ask about.
EITHER = "groq else local"

_UNREADABLE = "invalid"  #: the outcome of an answer that is none of the nine labels


class Bill(msgspec.Struct):
    """What the client of the language model reports of its calls."""

    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def count_outcome(self, outcome: str) -> None:
        self.outcomes[outcome] += 1

    def count_usage(self, prompt: int, completion: int) -> None:
        self.prompt_tokens += prompt
        self.completion_tokens += completion


class Asked(msgspec.Struct, frozen=True):
    """All messages, put to the language model."""

    labels: list[str | None]  #: None: no answer that is one of INTENTS
    seconds: list[float]  #: of each message, with a second attempt where there was one
    bill: Bill


class CallFigures(msgspec.Struct, frozen=True):
    """What the language model cost, in time and money."""

    messages: int
    outcomes: dict[str, int]
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    cost_usd_per_1000: float
    latency_ms: dict[str, float]  #: p50, p95, p99, of those with an answer; empty where there are none

    @property
    def failed(self) -> int:
        """Messages that the service did not answer; an answer that is no label is one."""
        return sum(count for outcome, count in self.outcomes.items() if outcome not in ("ok", _UNREADABLE))


class SourceFigures(msgspec.Struct, frozen=True):
    """How right a source is, over the rows that it answered."""

    source: str  #: "local", "groq", or EITHER
    unanswered: int
    figures: IntentFigures | None  #: None: it answered none
    recall: dict[str, Figure]  #: of each intent that the labels name


class Agreement(msgspec.Struct, frozen=True):
    """Two sources on the rows that both answered."""

    rows: int
    agreed: Figure
    only_local_right: int
    only_groq_right: int
    p: float  #: McNemar's exact test of whether either is the better


class IntentTrial(msgspec.Struct, frozen=True):
    """The figures of one set."""

    name: str
    rows: int
    sources: list[SourceFigures]
    agreement: Agreement | None
    calls: CallFigures | None

    def source(self, name: str) -> SourceFigures | None:
        return next((each for each in self.sources if each.source == name), None)


async def ask_all(
    stage: IntentStage,
    bill: Bill,
    messages: Sequence[Example],
    *,
    concurrency: int,
    patience_s: float,
    advance: Callable[[int], object],
) -> Asked:
    """Put each message to the language model, canonical and redacted as serving does it.

    Args:
        stage: its client, which reports to `bill`.
        patience_s: for each message; as long as this a service that asks to wait is waited for.
        advance: hears how many messages were just answered.

    Raises:
        ConfigError: the key is refused; no more than one message is sent then.
    """
    slots = asyncio.Semaphore(concurrency)

    async def one(message: Example) -> tuple[str | None, float]:
        text, sender = redact(normalise(message.text).text), canonical_address(message.sender)
        async with slots:
            began = time.perf_counter()
            (label,) = await stage.classify([text], [sender], [patience_s])
            advance(1)
            return label, time.perf_counter() - began

    first = await one(messages[0])
    if bill.outcomes["AuthenticationError"] or bill.outcomes["PermissionDeniedError"]:
        raise ConfigError("the language model's server refuses the key in GROQ_API_KEY")
    found = [first, *await asyncio.gather(*map(one, messages[1:]))]
    return Asked([label for label, _ in found], [seconds for _, seconds in found], bill)


def compare(
    name: str, messages: Sequence[Example], local: Sequence[str | None] | None, asked: Asked | None, prices: Prices
) -> IntentTrial:
    """The figures of a set.

    Args:
        messages: each with an intent.
        local: what the models in this process say of each; None: they were not asked.
        asked: what the language model says; None: it was not asked.

    Raises:
        Unavailable: the language model answered nothing at all.
    """
    truths = [message.intent or NOT_OTP for message in messages]
    said: dict[str, Sequence[str | None]] = {}
    if local is not None:
        said["local"] = local
    if asked is not None:
        _check_answered(asked)
        said["groq"] = asked.labels
    if local is not None and asked is not None:
        said[EITHER] = [here if here in (None, NOT_OTP) else (there or here) for here, there in _pairs(local, asked)]
    return IntentTrial(
        name=name,
        rows=len(messages),
        sources=[_source(name, source, truths, answers) for source, answers in said.items()],
        agreement=None if local is None or asked is None else _agreement(truths, _pairs(local, asked)),
        calls=None if asked is None else _calls(asked, prices),
    )


def _pairs(local: Sequence[str | None], asked: Asked) -> list[tuple[str | None, str | None]]:
    return list(zip(local, asked.labels, strict=True))


def _check_answered(asked: Asked) -> None:
    if not set(asked.bill.outcomes) & {"ok", _UNREADABLE}:
        why = ", ".join(f"{outcome} {count}" for outcome, count in asked.bill.outcomes.most_common())
        raise Unavailable(f"the language model answered none of {len(asked.labels)} messages: {why}")


def _source(name: str, source: str, truths: Sequence[str], answers: Sequence[str | None]) -> SourceFigures:
    pairs = list(zip(truths, answers, strict=True))
    return SourceFigures(
        source=source,
        unanswered=sum(answer is None for answer in answers),
        figures=intent_figures([_judged(name, i, *pair) for i, pair in enumerate(pairs)]),
        recall={intent: _recall(intent, pairs) for intent in INTENTS if intent in truths},
    )


def _judged(name: str, index: int, truth: str, answer: str | None) -> Judged:
    is_otp = None if answer is None else answer != NOT_OTP
    return Judged(set=name, index=index, intent=truth, is_otp=is_otp, otp_intent=answer if is_otp else None)


def _recall(intent: str, pairs: Sequence[tuple[str, str | None]]) -> Figure:
    answers = [answer for truth, answer in pairs if truth == intent and answer is not None]
    return share(answers.count(intent), len(answers))


def _agreement(truths: Sequence[str], pairs: Sequence[tuple[str | None, str | None]]) -> Agreement:
    rows = [(truth, *pair) for truth, pair in zip(truths, pairs, strict=True) if None not in pair]
    only_local = sum(truth == here != there for truth, here, there in rows)
    only_groq = sum(truth == there != here for truth, here, there in rows)
    return Agreement(
        rows=len(rows),
        agreed=share(sum(here == there for _, here, there in rows), len(rows)),
        only_local_right=only_local,
        only_groq_right=only_groq,
        p=mcnemar(only_groq, only_local),
    )


def _calls(asked: Asked, prices: Prices) -> CallFigures:
    bill = asked.bill
    cost = prices.usd(bill.prompt_tokens, bill.completion_tokens)
    answered = [1000 * s for label, s in zip(asked.labels, asked.seconds, strict=True) if label is not None]
    points = np.percentile(answered, (50, 95, 99)) if answered else ()
    return CallFigures(
        messages=len(asked.labels),
        outcomes=dict(bill.outcomes),
        prompt_tokens=bill.prompt_tokens,
        completion_tokens=bill.completion_tokens,
        cost_usd=cost,
        cost_usd_per_1000=1000 * cost / len(asked.labels),
        latency_ms=dict(zip(("p50", "p95", "p99"), map(float, points), strict=False)),
    )
