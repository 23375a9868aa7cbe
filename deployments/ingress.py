"""The ingress deployment: HTTP in, batches out."""

from collections.abc import Mapping

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp

from configs.settings import Settings, secrets
from deployments.api import build_api
from deployments.gateway import Gateway
from deployments.remote import RemoteIntent, RemoteRules, RemoteTokenizer, RemoteTransformer, RemoteTrees
from deployments.stages.light_gbm import LightGbm
from deployments.stages.rule_engine import RuleEngine
from deployments.stages.tokenizer import Tokenizer
from pipeline.flow import Stages


# Beyond these numbers of requests Serve refuses by itself, which costs a third of what a refusal of ours would, and
# before the loop has so much to do that batches starve. Its log of every request would cost a twentieth of the ingress.
@serve.deployment(
    name="Ingress",
    max_ongoing_requests=64,
    max_queued_requests=64,
    backpressure_config={"status_code": 429, "retry_after_s": 1},
    logging_config={"enable_access_log": False},
)
@serve.ingress()
class Ingress:
    """Gathers what waits into batches and sends them through the stages.

    Args:
        settings: of the application.
        handles: of the stages that are deployments, by name; the others live in this process.
    """

    def __init__(self, settings: Settings, handles: Mapping[str, DeploymentHandle]) -> None:
        self._gateway = Gateway(settings, secrets(), _stages(settings, handles), RemoteIntent(handles["GroqIntent"]))

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Called by Serve once the replica is constructed."""
        return build_api(self._gateway)


def _stages(settings: Settings, handles: Mapping[str, DeploymentHandle]) -> Stages:
    rules, trees, tokenizer = (handles.get(name) for name in ("RuleEngine", "LightGbm", "Tokenizer"))
    return Stages(
        RemoteRules(rules) if rules else RuleEngine(settings),
        RemoteTrees(trees) if trees else LightGbm(settings, live=True),
        RemoteTokenizer(tokenizer) if tokenizer else Tokenizer(settings, live=True),
        RemoteTransformer(handles["DistilBert"]),
    )
