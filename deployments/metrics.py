"""Winnow's metrics for Prometheus. No label ever holds text, a sender or a tenant.

Replicas of one machine write to a shared folder (`PROMETHEUS_MULTIPROC_DIR`), so that any ingress replica
answers `/metrics` for all of them; without it each replica speaks for itself.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from pipeline.intents import Event, IntentCounts
from pipeline.observe import LEFT_ALONE, Observer
from pipeline.types import Verdict

CONTENT_TYPE = CONTENT_TYPE_LATEST

Metric = TypeVar("Metric", Counter, Histogram)

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

REQUESTS = Counter("winnow_http_requests", "HTTP requests", ["route", "status"])
REQUEST_SECONDS = Histogram("winnow_http_request_seconds", "Time to answer a request", ["route"], buckets=_SECONDS)
VERDICTS = Counter("winnow_verdicts", "Messages classified", ["action", "status", "decided_by"])
FAILURES = Counter("winnow_failures", "Messages that got an error in place of a verdict", ["code"])
ANSWERS = Counter("winnow_answers", "Answers of a lane, by where they came from", ["lane", "source"])
DROPPED = Counter("winnow_dropped", "Messages that left a lane's queue unanswered", ["lane", "why"])
BATCH_SIZE = Histogram("winnow_batch_size", "Messages in a batch", ["lane"], buckets=_SIZES)
BATCH_WAIT = Histogram("winnow_batch_wait_seconds", "Wait of a batch's oldest message", ["lane"], buckets=_SECONDS)
STAGE_SECONDS = Histogram("winnow_stage_seconds", "Time of a stage for one batch", ["stage"], buckets=_SECONDS)
STAGE_ITEMS = Counter("winnow_stage_items", "Messages that a stage was given", ["stage"])
STAGE_FAILURES = Counter("winnow_stage_failures", "Batches that a stage was left out of", ["stage", "error"])
CASCADE = Counter("winnow_cascade", "Messages that the gate decided alone (skipped) or passed on", ["outcome"])
AUDITS = Counter("winnow_cascade_audits", "Skipped messages sent through all the same", ["outcome"])
BACKEND_FAILURES = Counter("winnow_backend_failures", "Calls to a backend that went unanswered", ["backend", "reason"])
FEEDBACK = Counter("winnow_feedback", "Labels, by what became of them", ["event"])
WEBHOOKS = Counter("winnow_webhooks", "Intents posted to tenants, by how that ended", ["outcome"])
GROQ_OUTCOMES = Counter("winnow_groq_outcomes", "Messages that the language model was asked about", ["outcome"])
GROQ_TOKENS = Counter("winnow_groq_tokens", "Tokens that the language model read and wrote", ["kind"])
GROQ_COST = Counter("winnow_groq_cost_usd", "What these tokens cost, by the prices of the settings")
GROQ_ALONE = Counter("winnow_groq_budget_alone", "Questions whose budget a replica decided on without Redis")
INTENTS = Counter("winnow_intents", "One-time passwords, by who was to name their intent", ["event"])
INTENT_AGREEMENT = Counter("winnow_intent_agreement", "Intents that both models named", ["event", "outcome"])
LACKING = Gauge(
    "winnow_version_replicas_lacking",
    "Replicas that need a version that experiments name, and do not hold it",
    ["version"],
    multiprocess_mode="mostrecent",
)
DIRECTORY_AGE = Gauge(
    "winnow_directory_age_seconds",
    "Since keys, policies and experiments were last fresh",
    multiprocess_mode="mostrecent",
)


@lru_cache(maxsize=1024)
def _child(metric: Metric, *labels: str) -> Metric:
    """The series with these labels; to find it is most of the work of counting."""
    child: Metric = metric.labels(*labels)
    return child


class PrometheusObserver(Observer):
    """Counts what the pipeline reports."""

    def batch(self, lane: str, size: int, waited_s: float) -> None:
        _child(BATCH_SIZE, lane).observe(size)
        _child(BATCH_WAIT, lane).observe(waited_s)

    def cache(self, lane: str, source: str, count: int = 1) -> None:
        _child(ANSWERS, lane, source).inc(count)

    def dropped(self, lane: str, why: str) -> None:
        _child(DROPPED, lane, why).inc()

    def stage(self, name: str, items: int, seconds: float, failure: str | None) -> None:
        if failure:
            _child(STAGE_FAILURES, name, failure).inc()
        if failure != LEFT_ALONE:
            _child(STAGE_ITEMS, name).inc(items)
            _child(STAGE_SECONDS, name).observe(seconds)

    def cascade(self, skipped: int, total: int) -> None:
        _child(CASCADE, "skipped").inc(skipped)
        _child(CASCADE, "passed").inc(total - skipped)

    def audit(self, disagreed: bool) -> None:
        _child(AUDITS, "disagreed" if disagreed else "agreed").inc()


def count_backend_failure(backend: str, reason: str) -> None:
    """Hook for clients: a call went unanswered."""
    _child(BACKEND_FAILURES, backend, reason).inc()


def count_feedback(event: str) -> None:
    """Hook for the feedback desk: a label was stored, spooled, dropped …"""
    _child(FEEDBACK, event).inc()


def show_lacking(found: Mapping[str, int]) -> None:
    """Hook for the roster: version to the number of replicas that lack it."""
    for version, replicas in found.items():
        LACKING.labels(version).set(replicas)


def count_webhook(outcome: str) -> None:
    """Hook for webhooks: one was delivered, refused, given up or dropped."""
    _child(WEBHOOKS, outcome).inc()


def count_groq_outcome(outcome: str) -> None:
    """Hook for `GroqIntent`: how the question about one message ended."""
    _child(GROQ_OUTCOMES, outcome).inc()


def count_groq_usage(prompt: int, completion: int) -> None:
    """Hook for `GroqIntent`: tokens of one answer."""
    _child(GROQ_TOKENS, "prompt").inc(prompt)
    _child(GROQ_TOKENS, "completion").inc(completion)


def count_groq_cost(usd: float) -> None:
    """Hook for `GroqIntent`: price of one answer."""
    GROQ_COST.inc(usd)


def count_budget_alone() -> None:
    """Hook for `Budget`: Redis could not be asked."""
    GROQ_ALONE.inc()


class PrometheusIntentCounts(IntentCounts):
    """Counts who named intents, and how often both models name the same."""

    def happened(self, event: Event) -> None:
        _child(INTENTS, event).inc()

    def compared(self, event: Event, agreed: bool) -> None:
        _child(INTENT_AGREEMENT, event, "agreed" if agreed else "disagreed").inc()


def count_verdict(verdict: Verdict) -> None:
    _child(VERDICTS, verdict.action, verdict.status, verdict.decided_by).inc()


def count_request(route: str, status: int, seconds: float) -> None:
    _child(REQUESTS, route, str(status)).inc()
    _child(REQUEST_SECONDS, route).observe(seconds)


def count_failure(code: str) -> None:
    """A message got an error in place of a verdict."""
    _child(FAILURES, code).inc()


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
