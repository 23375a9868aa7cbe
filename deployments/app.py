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
from pipeline.readiness import TRANSFORMER_STAGES, TREE_STAGES

#: Stages by name, and how many calls a replica takes at once; each call is a batch.
_STAGES: tuple[tuple[Any, int], ...] = (
    (RuleEngine, 64),
    (LightGbm, 64),
    (Tokenizer, 64),
    (DistilBert, 64),
    (GroqIntent, 256),
)
#: Those of them that hold versions, and follow experiments.
_VERSIONED = frozenset((*TRANSFORMER_STAGES, *TREE_STAGES))
DEPLOYMENTS: dict[str, Any] = {"Ingress": Ingress} | {
    stage.__name__: serve.deployment(stage, name=stage.__name__, max_ongoing_requests=most) for stage, most in _STAGES
}


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

    def bind(name: str, *args: Any, **more: Any) -> Application:
        return DEPLOYMENTS[name].options(**options.get(name, {})).bind(settings, *args, **more)

    own = [stage.__name__ for stage, _ in _STAGES if stage.__name__ not in settings.placement.in_ingress]
    return bind("Ingress", {name: bind(name, **({"live": True} if name in _VERSIONED else {})) for name in own})
