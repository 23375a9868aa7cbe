"""One ingress replica at run time: its connections, its lanes, and when it is ready."""

import asyncio

from configs.resources import read_manifests, read_policies
from configs.settings import Secrets, Settings
from deployments import metrics, wiring
from deployments.office import Office
from deployments.stages.worker import DRY_RUN
from pipeline.clients.directory_feed import DirectoryFeed
from pipeline.clients.postgres import Database
from pipeline.clients.redis_store import RedisStore
from pipeline.directory import Directory, Principal, Scope
from pipeline.errors import Forbidden, Unauthenticated, Unavailable
from pipeline.flow import Stages
from pipeline.observe import Observer
from pipeline.types import IntentStage, Message

_RETRY_S = 0.2


class Gateway:
    """What the routes of the API work with.

    Args:
        settings: of the application.
        secrets: of the environment.
        stages: where batches go.
        intent: the language model.
    """

    def __init__(self, settings: Settings, secrets: Secrets, stages: Stages, intent: IntentStage) -> None:
        self.settings = settings
        self._secrets = secrets
        self._stages = stages
        self._intent = intent
        self._directory = Directory(default_policy=read_policies(settings).default)
        self._warmup: asyncio.Task[None] | None = None
        self.waiting_for = "the start"  #: what keeps it from being ready; "" when nothing does

    async def start(self) -> None:
        """Connect and warm up. Returns at once: a backend that is down now may come up later."""
        observer = metrics.PrometheusObserver()
        self._redis = RedisStore(
            self._secrets.redis_url,
            timeout_s=self.settings.redis_timeout_ms / 1000,
            on_failure=lambda _, reason: metrics.count_backend_failure("redis", reason),
        )
        self._database = await Database.open(self._secrets.database_url)
        self._feed = DirectoryFeed(self._secrets.database_url, self._adopt, blank=self._directory)
        keys = wiring.build_keys(self.settings, self._secrets)
        flow = wiring.build_flow(self.settings, self._stages, observer, cascade=self.settings.cascade.enabled)
        ask = self._secrets.groq_api_key
        self.classifier = wiring.build_classifier(
            self.settings,
            directory=lambda: self._directory,
            keys=keys,
            assess=wiring.assess_lane(self.settings, flow, self._redis, observer),
            intents=wiring.intent_lane(self.settings, self._intent, self._redis, observer) if ask else None,
        )
        manifests = read_manifests(self.settings)
        self.office = Office(
            self._database, self._redis, keys.purpose("receipts"), manifests, self.settings.models.transformers
        )
        self._feed.start()
        self._warmup = asyncio.get_running_loop().create_task(self._become_ready())

    async def stop(self) -> None:
        if self._warmup:
            self._warmup.cancel()
        await self._feed.stop()
        await self._redis.close()
        await self._database.close()

    @property
    def directory(self) -> Directory:
        """The snapshot in force."""
        return self._directory

    def authenticate(self, key: str, scope: Scope) -> Principal:
        """Who holds this key.

        Raises:
            Unauthenticated, Forbidden: the key is unknown, or lacks the scope.
            Unavailable: no keys have been read yet.
        """
        age = self._feed.age_s
        if age is None:
            raise Unavailable("API keys have not been read yet", retry_after_s=1.0)
        principal = self._directory.authenticate(key)
        if principal is None:
            raise Unauthenticated("the key is unknown or revoked")
        if scope not in principal.scopes:
            raise Forbidden(f"the key lacks the scope {scope}")
        return principal

    def report_age(self) -> None:
        """Bring the gauge of the directory's age up to date."""
        metrics.DIRECTORY_AGE.set(self._feed.age_s or 0.0)

    def _adopt(self, directory: Directory) -> None:
        self._directory = directory

    async def _become_ready(self) -> None:
        """Dry-run until every stage answers for every version; then wait for the directory."""
        flow = wiring.build_flow(self.settings, self._stages, Observer(), cascade=False)
        messages = [dry_message(version) for version in self.settings.models.transformers]
        while missing := {stage for answer in await flow.assess(messages) for stage in answer.degraded}:
            self.waiting_for = ", ".join(sorted(missing))
            await asyncio.sleep(_RETRY_S)
        self.waiting_for = "the directory in Postgres"
        await self._feed.loaded()
        self.waiting_for = ""


def dry_message(version: str) -> Message:
    """A message that nobody sent, for one transformer version."""
    return Message(
        id="dry-run",
        text=DRY_RUN,
        sender="",
        recipient="",
        tenant="",
        policy="moderate",
        intent="none",
        obfuscated=False,
        version=version,
        received_at=0.0,
        deadline=float("inf"),
    )
