"""Typed settings. Every key has a default; an unknown key is refused with its name.

Settings come from the `args` of the application in a Serve config file (`configs/serve.*.yaml`).
Addresses and secrets come from the environment alone, so that no file of the repository can hold one.
"""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from pipeline.budget import Prices
from pipeline.clients.groq_prompt import Output
from pipeline.course import EvidenceSettings
from pipeline.errors import ConfigError
from pipeline.feedback import FeedbackSettings
from pipeline.memo import Limits

ROOT = Path(__file__).resolve().parent.parent


Positive = Annotated[int, msgspec.Meta(ge=1)]
CheapStage = Literal["RuleEngine", "LightGbm", "Tokenizer"]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all settings."""


class Models(Strict, frozen=True):
    root: str = "model_store/models"  #: the model store: a folder, relative to the project, or s3://bucket/prefix
    cache: str = ".winnow/models"  #: folder, relative to the project, of copies of what a bucket holds
    min_created: str = ""  #: ISO date; versions created earlier are refused. Empty: no bound
    trees: str = "lightgbm/2"
    #: loaded at start, the first is the default; others are loaded when experiments name them
    transformers: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("distilbert/4",)
    memory_mb: Positive = 2048  #: that the versions of one stage's replica may take together
    threads: Positive | None = None  #: of one transformer's operators; None: as many of the reserved cores as pay off
    token_budget: Positive | None = (
        None  #: padded tokens in one of its micro-batches; None: what is cheapest on the machine
    )

    def __post_init__(self) -> None:
        try:
            _ = self.min_created and date.fromisoformat(self.min_created)
        except ValueError:
            raise ValueError(f"min_created must be a date like 2026-01-31, not {self.min_created!r}") from None


class Request(Strict, frozen=True):
    """Bounds of what a caller may send."""

    text_chars: int = 10_000
    body_bytes: int = 65_536
    batch_items: int = 1_000
    batch_body_bytes: int = 8_388_608
    deadline_ms: int = 2_500  #: of a single message, where the caller names none
    batch_deadline_ms: int = 10_000  #: of the messages of a batch


class CascadeSettings(Strict, frozen=True):
    enabled: bool = True
    audit_rate: float = 0.01  #: share of skipped messages that is sent through all the same


def _sure_above() -> dict[str, float]:
    return {"lightgbm/2": 0.998}  # docs/decisions/0015-the-intent-gate.md


class Intent(Strict, frozen=True):
    model: str = "llama-3.1-8b-instant"
    output: Output = "json_object"  #: "json_schema" where the server holds the model to it while it writes
    budget_ms: int = 800  #: longest wait for the language model; then the local intent answers
    async_budget_ms: Positive = 30_000  #: the same for intents that are fetched later
    concurrency: Positive = 32
    #: version of the local model to the confidence above which it answers alone; other versions never do
    sure_above: dict[str, float] = msgspec.field(default_factory=_sure_above)
    sample_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01  #: of the sure ones, asked all the same
    prices: Prices = Prices()
    budget_usd_per_tenant_day: Annotated[float, msgspec.Meta(ge=0)] = 5.0  #: 0: the language model is never asked
    budget_shares: Positive = 4  #: replicas that share a budget while Redis is away: as many as there are


class Placement(Strict, frozen=True):
    """Where cheap stages live: each is a deployment of its own unless it is named here."""

    in_ingress: tuple[CheapStage, ...] = ()  #: these run inside every ingress replica


class Settings(Strict, frozen=True):
    models: Models = Models()
    rules: str = "configs/rules.yaml"
    policies: str = "configs/policies.yaml"
    request: Request = Request()
    cascade: CascadeSettings = CascadeSettings()
    placement: Placement = Placement()
    intent: Intent = Intent()
    assess_lane: Limits = Limits()
    #: One OTP a call: the language model answers in its own time, and none shall wait for another.
    intent_lane: Limits = Limits(slots=64, batch_items=1, queue_items=1_000, ttl_s=86_400)
    stage_timeout_ms: int = 800  #: one stage, one batch; then the stage is left out
    redis_timeout_ms: int = 50
    feedback: FeedbackSettings = FeedbackSettings()
    evidence: EvidenceSettings = EvidenceSettings()

    def __post_init__(self) -> None:
        if 3 * self.stage_timeout_ms >= self.request.deadline_ms:
            raise ValueError(
                "stage_timeout_ms must be less than a third of request.deadline_ms: a message passes three stages in a "
                "row, and one that hangs must be left out before its deadline"
            )


class Secrets(Strict, frozen=True, kw_only=True):
    """What the environment says. Every value may be handed over as a variable of the same name."""

    redis_url: str
    database_url: str
    winnow_secret: str  #: keys the cache's and the receipts' HMACs; equal on all replicas
    winnow_secret_old: str = ""  #: earlier ones, comma-separated: receipts that they signed stay valid
    groq_api_key: str = ""  #: without one the local intent answers
    groq_base_url: str = "https://api.groq.com"  #: or any OpenAI-compatible server

    @property
    def all_secrets(self) -> tuple[str, ...]:
        """The secret in force, then the earlier ones."""
        earlier = (secret.strip() for secret in self.winnow_secret_old.split(","))
        return self.winnow_secret, *filter(None, earlier)


def parse(raw: Mapping[str, Any]) -> Settings:
    """Settings from plain data.

    Raises:
        ConfigError: names the key that is unknown or of the wrong type.
    """
    try:
        return msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"settings: {error}") from None


def secrets(environment: Mapping[str, str] = os.environ) -> Secrets:
    """Secrets from the environment.

    Raises:
        ConfigError: names the variable that is missing.
    """
    values = {
        field: environment[field.upper()] for field in Secrets.__struct_fields__ if environment.get(field.upper())
    }
    for required in ("redis_url", "database_url", "winnow_secret"):
        if required not in values:
            raise ConfigError(f"the environment variable {required.upper()} is not set")
    return Secrets(**values)


def project_path(path: str) -> Path:
    """A path of the settings; relative ones start at the project's root."""
    return ROOT / path
