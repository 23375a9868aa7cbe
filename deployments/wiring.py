"""How the parts of an ingress replica are put together, from settings and manifests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import msgspec

from configs.resources import read_policies, read_rules
from configs.settings import Secrets, Settings
from model_store.manifest import NORMALISER, Manifest
from pipeline.cascade import Gate, SpamModel
from pipeline.classifier import Bounds, Classifier, IntentQuestion
from pipeline.directory import Directory
from pipeline.errors import Unavailable
from pipeline.flow import Flow, Stages
from pipeline.keys import Keys
from pipeline.memo import Memo, Shelf
from pipeline.observe import Observer
from pipeline.policy import Limits, resolve
from pipeline.scoring import RULES_SCORER, RULES_THRESHOLDS
from pipeline.types import Assessment, IntentStage, Message, PolicyName

Manifests = Mapping[str, Manifest]  #: by version, of the bundles that this server loads

_GRACE_S = 0.2  # for the stage to give up by itself


def build_flow(settings: Settings, manifests: Manifests, stages: Stages, observer: Observer, *, cascade: bool) -> Flow:
    """The DAG; without the cascade every message reaches the transformer."""
    models = _spam_models(settings, manifests)
    return Flow(
        stages,
        models,
        settings.models.trees,
        Gate(models if cascade else {}, audit_rate=settings.cascade.audit_rate),
        timeout_s=settings.stage_timeout_ms / 1000,
        observer=observer,
    )


def build_keys(settings: Settings, secrets: Secrets) -> Keys:
    """Cache keys that change with models, rules and normaliser; what else an answer depends on is as old as its TTL."""
    return Keys(secrets.winnow_secret, (settings.models.trees, read_rules(settings).version, NORMALISER))


def receipt_secrets(secrets: Secrets) -> tuple[bytes, ...]:
    """What receipts may be signed with; the first one signs."""
    return tuple(Keys(secret).purpose("receipts") for secret in secrets.all_secrets)


def build_classifier(
    settings: Settings,
    manifests: Manifests,
    *,
    directory: Callable[[], Directory],
    keys: Keys,
    assess: Memo[Message, Assessment],
    intents: Memo[IntentQuestion, str] | None,
) -> Classifier:
    request = settings.request
    return Classifier(
        bounds=Bounds(
            text_chars=request.text_chars,
            deadline_s=request.deadline_ms / 1000,
            batch_deadline_s=request.batch_deadline_ms / 1000,
            intent_budget_s=settings.intent.budget_ms / 1000,
        ),
        directory=directory,
        limits=_limits(settings, manifests),
        transformers=settings.models.transformers,
        assess=assess,
        intents=intents,
        language_model=settings.intent.model,
        keys=keys,
        receipt_secret=keys.purpose("receipts"),
    )


def assess_lane(settings: Settings, flow: Flow, shelf: Shelf | None, observer: Observer) -> Memo[Message, Assessment]:
    return Memo(
        "assess",
        flow.assess_in_parts,
        shelf=shelf,
        encode=msgspec.msgpack.Encoder().encode,
        decode=msgspec.msgpack.Decoder(Assessment).decode,
        keep=lambda assessment: not assessment.degraded,
        limits=settings.assess_lane,
        observer=observer,
    )


def intent_lane(settings: Settings, stage: IntentStage, shelf: Shelf, observer: Observer) -> Memo[IntentQuestion, str]:
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


async def _ask(
    stage: IntentStage, questions: Sequence[IntentQuestion]
) -> AsyncIterator[list[tuple[int, str | Exception]]]:
    """Intents of a batch; an error where the model gave none."""
    now = time.monotonic()
    budgets = [max(0.0, question.deadline - now) for question in questions]
    texts, senders = [question.text for question in questions], [question.sender for question in questions]
    labels = await asyncio.wait_for(stage.classify(texts, senders, budgets), max(budgets) + _GRACE_S)
    yield [(i, Unavailable("no intent in time") if label is None else label) for i, label in enumerate(labels)]


def _spam_models(settings: Settings, manifests: Manifests) -> dict[str, SpamModel]:
    return {
        ref: SpamModel(
            ref,
            manifests[ref].ensemble,
            manifests[ref].cascade,
            tuple(sorted(set(manifests[ref].thresholds["spam"].values()))),
        )
        for ref in settings.models.transformers
    }


def _limits(settings: Settings, manifests: Manifests) -> dict[tuple[PolicyName, str], Limits]:
    """Limits by policy and scorer. Phishing and OTP are the TF-IDF bundle's business, whoever scored spam."""
    scorers = {ref: manifest.thresholds for ref, manifest in manifests.items()} | {RULES_SCORER: RULES_THRESHOLDS}
    return resolve(read_policies(settings), scorers, common=manifests[settings.models.trees].thresholds)
