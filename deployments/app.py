"""The composition root: the one place where the deployments are put together."""

from collections.abc import Mapping
from typing import Any

from ray import serve
from ray.serve import Application

from configs.settings import Settings, parse
from deployments.ingress import Ingress
from deployments.stages.distil_bert import DistilBert
from deployments.stages.groq_intent import GroqIntent
from deployments.stages.light_gbm import LightGbm
from deployments.stages.rule_engine import RuleEngine
from deployments.stages.tokenizer import Tokenizer

_ALL: tuple[Any, ...] = (Ingress, RuleEngine, LightGbm, Tokenizer, DistilBert, GroqIntent)
DEPLOYMENTS: dict[str, serve.Deployment] = {deployment.name: deployment for deployment in _ALL}


def build(args: dict[str, Any]) -> Application:
    """Serve's application builder (`import_path: deployments.app:build`).

    Args:
        args: settings, see `configs.settings`.

    Raises:
        ConfigError: a setting is unknown or of the wrong type.
    """
    return compose(parse(args), {})


def compose(settings: Settings, options: Mapping[str, Mapping[str, Any]]) -> Application:
    """The DAG, with options of single deployments by name (replicas, CPU, autoscaling)."""

    def bind(name: str, *args: Any) -> Application:
        return DEPLOYMENTS[name].options(**options.get(name, {})).bind(settings, *args)

    return bind(
        "Ingress",
        bind("RuleEngine"),
        bind("LightGbm"),
        bind("Tokenizer"),
        bind("DistilBert"),
        bind("GroqIntent"),
    )
