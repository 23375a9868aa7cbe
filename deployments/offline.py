"""The whole flow in this process: the code that serves, without Ray, HTTP, Redis or Postgres.

Normaliser, rules, TF-IDF models, cascade, transformer, ensemble, policy and receipts are those of a server, put
together by the same `wiring`; only reputation, experiments and the language model are not there.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from configs import resources
from configs.settings import CascadeSettings, Models, Request, Settings
from deployments.catalogue import Catalogue
from deployments.stages.distil_bert import DistilBert
from deployments.stages.light_gbm import LightGbm
from deployments.stages.tokenizer import Tokenizer
from deployments.wiring import assess_lane, build_classifier, build_flow, build_intents
from pipeline.classifier import Classifier, Failed
from pipeline.directory import Directory, Principal
from pipeline.flow import Stages
from pipeline.keys import Keys
from pipeline.memo import Limits
from pipeline.observe import Observer
from pipeline.router import Router
from pipeline.rules import RuleBook
from pipeline.types import RuleHit, Verdict
from pipeline.wire import BadItem, ClassifyRequest

_PATIENCE_MS = 3_600_000  #: nobody waits for a single answer: a slow machine must not look like a failing stage
_LANE = Limits(queue_items=1_000_000, memory_items=1_000_000, memory_ttl_s=86_400)
_WHO = Principal("evaluation", "offline", frozenset(("classify",)))


class Offline:
    """An `Answerer` that holds the models.

    Args:
        settings: which models, rules and policies; see `settings_for`.
        rules: whether rules and lists have a say.

    Raises:
        ConfigError: rules or policies are wrong, or models do not belong together.
        ModelError: a model is missing, tampered with or incompatible.
    """

    def __init__(self, settings: Settings, *, rules: bool = True) -> None:
        resources.check(settings)
        self._classifier = _classifier(settings, Catalogue(settings), rules=rules)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    async def classify(self, request: ClassifyRequest) -> Verdict:
        return await self._classifier.classify(_patient(request), _WHO)

    async def classify_batch(self, requests: Sequence[ClassifyRequest]) -> list[Verdict | BadItem]:
        """The verdict of each message, or why it has none, in order."""
        outcomes = await self._classifier.classify_many([_patient(request) for request in requests], _WHO)
        return [BadItem(each.message_id, each.error) if isinstance(each, Failed) else each for each in outcomes]


def settings_for(root: Path | None, transformer: str | None, trees: str | None, *, cascade: bool = True) -> Settings:
    """Settings of an offline evaluation.

    Args:
        root: folder of the model store, else that of the project.
        transformer: version, "distilbert/3", else the default one.
        trees: version, "lightgbm/2", else the one that the transformer was calibrated with.
        cascade: False sends every message through the transformer.

    Raises:
        ModelError: the transformer is missing, tampered with or incompatible.
    """
    models = Models() if root is None else Models(root=str(root.resolve()))
    ref = transformer or models.transformers[0]
    ensemble = resources.open_store(Settings(models=models)).open(ref).manifest.ensemble
    partner = ensemble.partner if ensemble else models.trees
    return Settings(  # whose chances and tuning are switched off: two runs shall give the same answers
        models=msgspec.structs.replace(
            models, trees=trees or partner, transformers=(ref,), threads=1, token_budget=128
        ),
        cascade=CascadeSettings(enabled=cascade, audit_rate=0.0),
        request=Request(deadline_ms=_PATIENCE_MS, batch_deadline_ms=_PATIENCE_MS),
        stage_timeout_ms=_PATIENCE_MS // 4,
        assess_lane=_LANE,
    )


def _classifier(settings: Settings, catalogue: Catalogue, *, rules: bool) -> Classifier:
    directory = Directory(default_policy=resources.read_policies(settings).default)
    book = resources.read_rules(settings) if rules else None
    stages = Stages(_Rules(book), LightGbm(settings), Tokenizer(settings), DistilBert(settings))
    flow = build_flow(settings, catalogue, stages, Observer(), cascade=settings.cascade.enabled)
    keys = Keys(secrets.token_hex())
    return build_classifier(
        settings,
        catalogue,
        directory=lambda: directory,
        router=Router(catalogue.defaults, catalogue.partner),
        keys=keys,
        assess=assess_lane(settings, flow, None, Observer()),
        intents=build_intents(settings, None, directory=lambda: directory, keys=keys),
    )


class _Rules:
    """Rules and lists without reputation; without a book nothing hits."""

    def __init__(self, book: RuleBook | None) -> None:
        self._book = book

    async def check(
        self, texts: list[str], senders: list[str], obfuscated: list[bool]
    ) -> list[tuple[RuleHit, ...] | None]:
        return [()] * len(texts) if self._book is None else self._book.check_all(texts, senders, {}, obfuscated)


def _patient(request: ClassifyRequest) -> ClassifyRequest:
    """The same without its deadline."""
    return msgspec.structs.replace(request, deadline_ms=None)
