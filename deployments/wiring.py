"""How the parts of an ingress replica are put together, from settings and manifests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import msgspec

from configs.resources import read_rules
from configs.settings import Secrets, Settings
from deployments import metrics
from deployments.catalogue import Catalogue
from model_store.manifest import NORMALISER
from pipeline.cascade import Gate
from pipeline.classifier import Bounds, Classifier, Watch
from pipeline.clients.groq_prompt import request_body
from pipeline.directory import Directory
from pipeline.errors import Unavailable
from pipeline.flow import Flow, Stages
from pipeline.intents import IntentQuestion, Intents, OverBudget
from pipeline.keys import Keys
from pipeline.later import Deliver, Later
from pipeline.memo import Memo, Shelf
from pipeline.observe import Observer
from pipeline.policy import LimitBook
from pipeline.router import Router
from pipeline.shadow import Shadows
from pipeline.tally import Tally
from pipeline.types import OVER_BUDGET, Assessment, IntentStage, Message
from pipeline.verdicts import decide_on, labels

_GRACE_S = 0.2  # for the stage to give up by itself


def build_flow(settings: Settings, catalogue: Catalogue, stages: Stages, observer: Observer, *, cascade: bool) -> Flow:
    """The DAG; without the cascade every message reaches the transformer."""
    return Flow(
        stages,
        catalogue.models,
        Gate(catalogue.models if cascade else {}, audit_rate=settings.cascade.audit_rate),
        timeout_s=settings.stage_timeout_ms / 1000,
        observer=observer,
    )


def build_keys(settings: Settings, secrets: Secrets) -> Keys:
    """Cache keys that change with rules and normaliser, and with the models that each question names; what else an
    answer depends on is as old as its TTL.
    """
    return Keys(secrets.winnow_secret, (read_rules(settings).version, NORMALISER))


def receipt_secrets(secrets: Secrets) -> tuple[bytes, ...]:
    """What receipts may be signed with; the first one signs."""
    return tuple(Keys(secret).purpose("receipts") for secret in secrets.all_secrets)


def build_classifier(
    settings: Settings,
    catalogue: Catalogue,
    *,
    directory: Callable[[], Directory],
    router: Router,
    keys: Keys,
    assess: Memo[Message, Assessment],
    intents: Intents,
    later: Later | None = None,
    watch: Watch | None = None,
) -> Classifier:
    request = settings.request
    return Classifier(
        bounds=Bounds(
            text_chars=request.text_chars,
            deadline_s=request.deadline_ms / 1000,
            batch_deadline_s=request.batch_deadline_ms / 1000,
        ),
        directory=directory,
        router=router,
        limits=catalogue.limits,
        assess=assess,
        intents=intents,
        later=later,
        keys=keys,
        receipt_secret=keys.purpose("receipts"),
        watch=watch,
    )


def build_intents(
    settings: Settings,
    lane: Memo[IntentQuestion, str] | None,
    *,
    directory: Callable[[], Directory],
    keys: Keys,
    language_server: str = "",
) -> Intents:
    """
    Args:
        lane: to the language model, None where there is none.
        language_server: where it is; what another server answered before is not its answer.
    """
    intent = settings.intent
    return Intents(
        lane,
        keys=keys,
        sure_above=intent.sure_above,
        sample_rate=intent.sample_rate,
        budget_s=intent.budget_ms / 1000,
        identity=f"{language_server} {request_body(intent.model, '', '', intent.output)}",
        is_local_only=lambda tenant: directory().is_local_only(tenant),
        counts=metrics.PrometheusIntentCounts(),
    )


def build_later(settings: Settings, intents: Intents, deliver: Deliver, shelf: Shelf, keys: Keys) -> Later:
    """Intents that are fetched later, and told to webhooks."""
    within_s = settings.intent.async_budget_ms / 1000
    return Later(partial(intents.ask, within_s=within_s), deliver, shelf, keys)


def assess_lane(settings: Settings, flow: Flow, shelf: Shelf | None, observer: Observer) -> Memo[Message, Assessment]:
    """A kind for each transformer version: what a batch waits for is its slowest, and then that is its own."""
    return Memo(
        "assess",
        flow.assess_in_parts,
        shelf=shelf,
        encode=msgspec.msgpack.Encoder().encode,
        decode=msgspec.msgpack.Decoder(Assessment).decode,
        keep=lambda assessment: not assessment.degraded,
        limits=settings.assess_lane,
        observer=observer,
        kind=lambda message: message.versions.spam,
    )


def intent_lane(
    settings: Settings, stage: IntentStage, shelf: Shelf | None, observer: Observer
) -> Memo[IntentQuestion, str]:
    return Memo(
        "intent",
        lambda questions: _ask(stage, questions),
        shelf=shelf,
        encode=msgspec.msgpack.Encoder().encode,
        decode=msgspec.msgpack.Decoder(str).decode,
        keep=lambda _: True,
        limits=settings.intent_lane,
        observer=observer,
    )


def build_shadows(flow: Flow, limits: LimitBook, tally: Tally, observer: Observer) -> Shadows:
    """Shadows on a flow of their own: what fails there closes nothing for the live one."""

    def says(task: str, message: Message, assessment: Assessment) -> str | None:
        decision = decide_on(limits, message, assessment)
        return labels(decision, assessment.intent if decision.is_otp else None).get(task)

    return Shadows(flow.assess, says, tally.compared, observer)


async def _ask(
    stage: IntentStage, questions: Sequence[IntentQuestion]
) -> AsyncIterator[list[tuple[int, str | Exception]]]:
    """Intents of a batch; an error where the model gave none."""
    now = time.monotonic()
    budgets = [max(0.0, question.deadline - now) for question in questions]
    texts, senders = [question.text for question in questions], [question.sender for question in questions]
    asking = stage.classify(texts, senders, budgets, [question.tenant for question in questions])
    labels = await asyncio.wait_for(asking, max(budgets) + _GRACE_S)
    yield [(i, _label_or_error(label)) for i, label in enumerate(labels)]


def _label_or_error(label: str | None) -> str | Exception:
    if label == OVER_BUDGET:
        return OverBudget("the budget of the day is spent")
    return Unavailable("no intent in time") if label is None else label
