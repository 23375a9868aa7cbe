"""`winnow evaluate --task intent`: how right the intents of one-time passwords are, and what those of Groq cost."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from rich.progress import Progress

from configs.settings import Settings
from deployments.cli.intent_tables import show_trial
from deployments.cli.output import progress
from deployments.evaluation import in_bulk
from deployments.figures import judge_all
from deployments.intent_trial import Asked, Bill, IntentTrial, ask_all, compare
from deployments.offline import Offline
from pipeline.breaker import Breaker
from pipeline.errors import ConfigError
from training.examples import Example, labelled

Source = Literal["groq", "local", "both"]

DEFAULT_CORPUS = "seed_synthetic"

_PATIENCE_S = 120.0  #: for one message: nobody waits for it, and a free key allows few a minute
_BULK = 500


class Plan(msgspec.Struct, frozen=True):
    """Who is asked, and how."""

    source: Source
    settings: Settings  #: of the models in this process, the language model, and its prices
    model: str | None  #: the language model, else that of the settings
    rules: bool
    concurrency: int  #: questions to the language model at once


def run(sets: Mapping[str, Sequence[Example]], plan: Plan, *, as_json: bool) -> bool:
    """Print the figures of each set; whether every message was answered.

    Raises:
        ConfigError: there is no key, it is refused, or a set has no intents.
        ModelError: a model is missing, tampered with or incompatible.
        Unavailable: the language model answered nothing.
    """
    key = "" if plan.source == "local" else _key()
    chosen = {name: labelled(messages, "intent") for name, messages in sets.items()}
    for name, messages in chosen.items():
        if not messages:
            raise ConfigError(f"{name}: no message carries an intent; name it in the column intent, or label")
    found = asyncio.run(_all(chosen, plan, key))
    _print(found, as_json)
    return all(trial.calls is None or not trial.calls.failed for trial in found)


def _key() -> str:
    """
    Raises:
        ConfigError: there is none.
    """
    key = os.environ.get("GROQ_API_KEY", "")
    if not key:
        raise ConfigError(
            "GROQ_API_KEY is not set: the language model cannot be asked without a key (any, for a server of your own "
            "in GROQ_BASE_URL); --source local needs none"
        )
    return key


async def _all(sets: Mapping[str, Sequence[Example]], plan: Plan, key: str) -> list[IntentTrial]:
    local = Offline(plan.settings, rules=plan.rules) if plan.source != "groq" else None
    with progress() as bar:
        return [await _one(name, messages, plan, local, key, bar) for name, messages in sets.items()]


async def _one(
    name: str, messages: Sequence[Example], plan: Plan, local: Offline | None, key: str, bar: Progress
) -> IntentTrial:
    here = await _ask_local(local, name, messages, bar) if local else None
    asked = await _ask_groq(name, messages, plan, key, bar) if plan.source != "local" else None
    return compare(name, messages, here, asked, plan.settings.intent.prices)


async def _ask_local(local: Offline, name: str, messages: Sequence[Example], bar: Progress) -> list[str | None]:
    """What a server without a language model says: what is no one-time password to it is NOT_OTP."""
    task = bar.add_task(f"{name}, local", total=len(messages))
    sent = await in_bulk(local, messages, _BULK, lambda n: bar.advance(task, n))
    return [None if row.error else row.said_intent for row in judge_all(name, messages, sent.outcomes)]


async def _ask_groq(name: str, messages: Sequence[Example], plan: Plan, key: str, bar: Progress) -> Asked:
    from pipeline.clients.groq_intent import GroqIntent  # its SDK takes a second to import

    bill = Bill()
    client = GroqIntent(
        key,
        base_url=os.environ.get("GROQ_BASE_URL") or "https://api.groq.com",
        model=plan.model or plan.settings.intent.model,
        output=plan.settings.intent.output,
        max_concurrency=plan.concurrency,
        breaker=Breaker(threshold=20 + plan.concurrency),
        on_outcome=bill.count_outcome,
        on_usage=bill.count_usage,
    )
    task = bar.add_task(f"{name}, groq", total=len(messages))
    try:
        return await ask_all(
            client,
            bill,
            messages,
            concurrency=plan.concurrency,
            patience_s=_PATIENCE_S,
            advance=lambda n: bar.advance(task, n),
        )
    finally:
        await client.close()


def _print(found: Sequence[IntentTrial], as_json: bool) -> None:
    if as_json:
        shown = found[0] if len(found) == 1 else found
        print(msgspec.json.format(msgspec.json.encode(shown)).decode())
        return
    for trial in found:
        show_trial(trial)
