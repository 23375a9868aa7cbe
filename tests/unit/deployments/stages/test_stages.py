"""The deployments as plain objects, without a cluster."""

import inspect

import pytest
from prometheus_client import REGISTRY

from configs.settings import Settings
from deployments.environment import free_ports
from deployments.stages.distil_bert import DistilBert
from deployments.stages.groq_intent import GroqIntent
from deployments.stages.light_gbm import LightGbm
from deployments.stages.rule_engine import RuleEngine
from deployments.stages.tokenizer import Tokenizer


@pytest.mark.parametrize("stage", [RuleEngine, LightGbm, Tokenizer, DistilBert, GroqIntent], ids=lambda s: s.__name__)
def test_every_public_method_is_discreet(stage: type) -> None:
    methods = inspect.getmembers(stage, inspect.iscoroutinefunction)
    public = [method for name, method in methods if not name.startswith("_")]
    assert public
    assert all(method.__code__.co_name == "guarded" for method in public)


async def test_rules_answer_without_redis_and_count_that_it_was_down(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}/0")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1/none")
    monkeypatch.setenv("WINNOW_SECRET", "of the test")
    rules = RuleEngine(Settings(redis_timeout_ms=10_000))
    labels = {"backend": "redis", "reason": "ConnectionError"}
    before = REGISTRY.get_sample_value("winnow_backend_failures_total", labels) or 0.0
    (hits,) = await rules.check(["Log in at http://192.168.10.5/bank"], ["+447911123456"], [False])
    assert "IP_HOST_LINK" in {hit.symbol for hit in hits}
    assert REGISTRY.get_sample_value("winnow_backend_failures_total", labels) == before + 1
