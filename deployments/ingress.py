"""The ingress deployment: HTTP in, batches out."""

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp

from configs.settings import Settings, secrets
from deployments.api import build_api
from deployments.gateway import Gateway
from deployments.remote import RemoteIntent, RemoteRules, RemoteTokenizer, RemoteTransformer, RemoteTrees
from pipeline.flow import Stages


# Backpressure is the lanes' business: they refuse with 429 and say when to come back.
@serve.deployment(name="Ingress", max_ongoing_requests=100_000)
@serve.ingress()
class Ingress:
    """Gathers what waits into batches and sends them through the stages."""

    def __init__(
        self,
        settings: Settings,
        rules: DeploymentHandle,
        trees: DeploymentHandle,
        tokenizer: DeploymentHandle,
        transformer: DeploymentHandle,
        intent: DeploymentHandle,
    ) -> None:
        stages = Stages(
            RemoteRules(rules), RemoteTrees(trees), RemoteTokenizer(tokenizer), RemoteTransformer(transformer)
        )
        self._gateway = Gateway(settings, secrets(), stages, RemoteIntent(intent))

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Called by Serve once the replica is constructed."""
        return build_api(self._gateway)
