"""One ingress replica at run time: its connections, its lanes, and when it is ready."""

import asyncio
import logging
from collections.abc import Sequence

from configs.resources import read_manifests, read_policies
from configs.settings import Secrets, Settings
from deployments import interpreter, metrics, wiring
from deployments.backends import open_redis
from deployments.office import Office
from deployments.stages.worker import DRY_RUN
from pipeline.clients.directory_feed import DirectoryFeed
from pipeline.clients.postgres import Database
from pipeline.directory import Directory, Principal, Scope
from pipeline.errors import Forbidden, Unauthenticated, Unavailable, describe
from pipeline.flow import Flow, Stages
from pipeline.observe import Observer
from pipeline.types import IntentStage, Message

log = logging.getLogger(__name__)

_RETRY_S = 0.2
_PATIENCE_S = 60.0
_AGE_INTERVAL_S = 1.0


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
        self._manifests = read_manifests(settings)
        self._directory = Directory(default_policy=read_policies(settings).default)
        self._tasks: list[asyncio.Task[None]] = []
        self.waiting_for = "the start"  #: what keeps it from being ready; "" when nothing does

    async def start(self) -> None:
        """Connect and warm up: Serve sends a replica traffic as soon as this returns.

        It gives up waiting after a while, since a replica that answers 503 and says why is better than none.
        """
        observer = metrics.PrometheusObserver()
        self._redis = open_redis(self.settings, self._secrets)
        self._database = await Database.open(self._secrets.database_url)
        self._feed = DirectoryFeed(self._secrets.database_url, self._adopt, blank=self._directory)
        keys = wiring.build_keys(self.settings, self._secrets)
        cascade = self.settings.cascade.enabled
        flow = wiring.build_flow(self.settings, self._manifests, self._stages, observer, cascade=cascade)
        ask = self._secrets.groq_api_key
        self.classifier = wiring.build_classifier(
            self.settings,
            self._manifests,
            directory=lambda: self._directory,
            keys=keys,
            assess=wiring.assess_lane(self.settings, flow, self._redis, observer),
            intents=wiring.intent_lane(self.settings, self._intent, self._redis, observer) if ask else None,
        )
        receipts = wiring.receipt_secrets(self._secrets)
        self.office = Office(self._database, self._redis, receipts, self._manifests, self.settings.models.transformers)
        self._feed.start()
        warmup = asyncio.create_task(self._become_ready())
        self._tasks = [warmup, asyncio.create_task(self._report_age())]
        await asyncio.wait([warmup], timeout=_PATIENCE_S)
        interpreter.settle()
        if self.waiting_for:
            log.warning("taking traffic though not ready: %s", self.waiting_for)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
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
        if self._feed.age_s is None:
            raise Unavailable("API keys have not been read yet", retry_after_s=1.0)
        principal = self._directory.authenticate(key)
        if principal is None:
            raise Unauthenticated("the key is unknown or revoked")
        if scope not in principal.scopes:
            raise Forbidden(f"the key lacks the scope {scope}")
        return principal

    def _adopt(self, directory: Directory) -> None:
        self._directory = directory

    async def _report_age(self) -> None:
        """Keep the gauge of the directory's age up to date; infinite before the first load."""
        while True:
            age = self._feed.age_s
            metrics.DIRECTORY_AGE.set(float("inf") if age is None else age)
            await asyncio.sleep(_AGE_INTERVAL_S)

    async def _become_ready(self) -> None:
        """Dry-run until every stage answers for every version; then wait for the directory."""
        flow = wiring.build_flow(self.settings, self._manifests, self._stages, Observer(), cascade=False)
        messages = [dry_message(version) for version in self.settings.models.transformers]
        while missing := await _missing(flow, messages):
            self.waiting_for = ", ".join(sorted(missing))
            await asyncio.sleep(_RETRY_S)
        self.waiting_for = "the directory in Postgres"
        await self._feed.loaded()
        self.waiting_for = ""


async def _missing(flow: Flow, messages: Sequence[Message]) -> set[str]:
    """Stages that do not answer yet; never raises, or nobody would hear why the replica stays unready."""
    try:
        return {stage for answer in await flow.assess(messages) for stage in answer.degraded}
    except Exception as error:
        log.error("the dry run failed: %s", describe(error))
        return {"the dry run"}


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
