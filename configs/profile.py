"""A Serve config file, read strictly: Ray accepts unknown keys in silence, Winnow does not."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from configs.settings import Settings, Strict, parse
from pipeline.errors import ConfigError
from pipeline.yamlfile import Document


class Http(Strict, frozen=True):
    """HAProxy mode binds all interfaces, so there is no host to choose."""

    port: int = 8000
    request_timeout_s: float | None = None
    keep_alive_timeout_s: int = 90


class Autoscaling(Strict, frozen=True):
    min_replicas: int = 1
    max_replicas: int = 1
    initial_replicas: int | None = None
    target_ongoing_requests: float = 2
    upscale_delay_s: float = 30
    downscale_delay_s: float = 600


class ActorOptions(Strict, frozen=True):
    num_cpus: float = 1
    num_gpus: float = 0
    memory: float | None = None
    resources: dict[str, float] = {}


class DeploymentOptions(Strict, frozen=True, kw_only=True):
    """The options of one deployment that Winnow's operators use; each is Ray Serve's own of that name."""

    name: str
    num_replicas: int | None = None
    max_replicas_per_node: int | None = None
    max_ongoing_requests: int | None = None
    max_queued_requests: int | None = None
    max_surge_percent: int | None = None
    autoscaling_config: Autoscaling | None = None
    ray_actor_options: ActorOptions | None = None
    graceful_shutdown_timeout_s: float | None = None
    graceful_shutdown_wait_loop_s: float | None = None
    health_check_period_s: float | None = None
    health_check_timeout_s: float | None = None

    def options(self) -> dict[str, Any]:
        """Keyword arguments for `Deployment.options`; what is not set keeps the code's default."""
        values = msgspec.to_builtins(self)
        values.pop("name")
        return {key: value for key, value in values.items() if value is not None}


class Application(Strict, frozen=True):
    name: str = "winnow"
    route_prefix: str = "/"
    import_path: Literal["deployments.app:build"] = "deployments.app:build"
    args: dict[str, Any] = {}
    deployments: tuple[DeploymentOptions, ...] = ()


class Profile(Strict, frozen=True, kw_only=True):
    """One `configs/serve.*.yaml`."""

    proxy_location: str = "EveryNode"
    http_options: Http = Http()
    applications: tuple[Application, ...]

    @property
    def application(self) -> Application:
        return self.applications[0]

    @property
    def settings(self) -> Settings:
        return parse(self.application.args)


def load(path: Path, deployments: frozenset[str]) -> Profile:
    """Read a Serve config file.

    Args:
        path: the YAML file.
        deployments: names of the deployments that exist.

    Raises:
        ConfigError: names the file, the line and the key that is missing, unknown or of the wrong type.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    profile = Document(text, str(path)).decode(Profile)
    _check(profile, path, deployments)
    return profile


def _check(profile: Profile, path: Path, deployments: frozenset[str]) -> None:
    if len(profile.applications) != 1:
        raise ConfigError(f"{path}: applications: exactly one is served, {len(profile.applications)} are named")
    unknown = {d.name for d in profile.application.deployments} - deployments
    if unknown:
        raise ConfigError(f"{path}: deployments: unknown {sorted(unknown)}; there are {sorted(deployments)}")
    try:
        settings = profile.settings
    except ConfigError as error:
        raise ConfigError(f"{path}: args: {error.detail}") from None
    inside = {d.name for d in profile.application.deployments} & set(settings.placement.in_ingress)
    if inside:
        raise ConfigError(f"{path}: deployments: {sorted(inside)} live in the ingress and have no options of their own")
