"""One ingress replica at run time: its connections, its lanes, and when it is ready."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from configs.resources import read_policies
from configs.settings import Secrets, Settings, project_path
from deployments import interpreter, metrics, wiring
from deployments.backends import open_redis
from deployments.catalogue import Catalogue
from deployments.experiment_desk import ExperimentDesk
from deployments.feedback_desk import FeedbackDesk
from deployments.office import Office
from deployments.roster import Roster
from deployments.stages.worker import DRY_RUN
from deployments.steward import Steward
from deployments.webhooks import Webhooks
from pipeline.clients.directory_feed import DirectoryFeed
from pipeline.clients.experiments import Experiments
from pipeline.clients.fleet import Fleet
from pipeline.clients.postgres import Database
from pipeline.clients.spool import Spool
from pipeline.clients.trial_reports import TrialReports
from pipeline.directory import Directory, Principal, Scope
from pipeline.errors import Forbidden, Unauthenticated, Unavailable, describe
from pipeline.exposure import Exposures
from pipeline.flow import Flow, Stages
from pipeline.intents import Intents
from pipeline.keys import Keys
from pipeline.observe import Observer
from pipeline.router import Router
from pipeline.shadow import for_copies
from pipeline.tally import Tally
from pipeline.types import IntentStage, Message, Versions

log = logging.getLogger(__name__)

_RETRY_S = 0.2
_PATIENCE_S = 60.0
_ARMS_PATIENCE_S = 30.0  #: for arms that are still being loaded somewhere
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
        self._catalogue = Catalogue(settings)
        self._router = Router(self._catalogue.defaults, self._catalogue.partner)
        self._directory = Directory(default_policy=read_policies(settings).default)
        self._tasks: list[asyncio.Task[None]] = []
        self.waiting_for = "the start"  #: what keeps it from being ready; "" when nothing does

    async def start(self) -> None:
        """Connect and warm up: Serve sends a replica traffic as soon as this returns.

        It gives up waiting after a while, since a replica that answers 503 and says why is better than none.
        """
        self._redis = open_redis(self.settings, self._secrets)
        self._database = await Database.open(self._secrets.database_url)
        self._feed = DirectoryFeed(self._secrets.database_url, self._adopt, blank=self._directory)
        self._roster = Roster(self._catalogue, self._router, Fleet(self._database), metrics.show_lacking)
        self._open_desks()
        self._open_lanes()
        self._feed.start()
        self._roster.start()
        self._steward.start()
        self.feedback_desk.start()
        warmup = asyncio.create_task(self._become_ready())
        self._tasks = [warmup, asyncio.create_task(self._report_age())]
        await asyncio.wait([warmup], timeout=_PATIENCE_S)
        interpreter.settle()
        if self.waiting_for:
            log.warning("taking traffic though not ready: %s", self.waiting_for)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._shadows.stop()
        self.later.stop()
        await self._webhooks.stop()
        await self._feed.stop()
        await self._roster.stop()
        await self._steward.stop()
        await self.feedback_desk.stop()
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

    def _open_desks(self) -> None:
        feedback = self.settings.feedback
        spool = Spool(project_path(feedback.spool), self._secrets.database_url, feedback.spool_mb << 20)
        evidence = self.settings.evidence
        self._tally = Tally()
        self._steward = Steward(self._database, self._tally, Experiments(self._database), evidence)
        self.office = Office(self._database, self._catalogue.manifests)
        self.feedback_desk = FeedbackDesk(
            self._database,
            self._redis,
            wiring.receipt_secrets(self._secrets),
            spool,
            reports_per_tenant=feedback.reports_per_tenant,
            on_event=metrics.count_feedback,
        )
        self.desk = ExperimentDesk(
            self._database,
            self._catalogue.admit,
            self._catalogue.defaults,
            self._roster.states,
            TrialReports(self._database, evidence).report,
        )

    def _open_lanes(self) -> None:
        """Where messages go: the lane of assessments, that of intents, and the shadows beside them."""
        observer = metrics.PrometheusObserver()
        cascade = self.settings.cascade.enabled
        flow, beside = (
            wiring.build_flow(self.settings, self._catalogue, stages, hears, cascade=cascade)
            for stages, hears in ((self._stages, observer), (for_copies(self._stages), Observer()))
        )
        keys = wiring.build_keys(self.settings, self._secrets)
        self._shadows = wiring.build_shadows(beside, self._catalogue.limits, self._tally, observer)
        intents = self._open_intents(keys, observer)
        self.classifier = wiring.build_classifier(
            self.settings,
            self._catalogue,
            directory=lambda: self._directory,
            router=self._router,
            keys=keys,
            assess=wiring.assess_lane(self.settings, flow, self._redis, observer),
            intents=intents,
            later=self.later,
            watch=Exposures(self._tally, self._router, self._shadows),
        )

    def _open_intents(self, keys: Keys, observer: Observer) -> Intents:
        """Who names intents, at once and later."""
        ask = self._secrets.groq_api_key
        intents = wiring.build_intents(
            self.settings,
            wiring.intent_lane(self.settings, self._intent, self._redis, observer) if ask else None,
            directory=lambda: self._directory,
            keys=keys,
            language_server=self._secrets.groq_base_url,
        )
        self._webhooks = Webhooks(lambda tenant: self._directory.webhook(tenant), metrics.count_webhook)
        self.later = wiring.build_later(self.settings, intents, self._webhooks.deliver, self._redis, keys)
        return intents

    def _adopt(self, directory: Directory) -> None:
        self._directory = directory
        self._roster.adopt(directory)

    async def _report_age(self) -> None:
        """Keep the gauge of the directory's age up to date; infinite before the first load."""
        while True:
            age = self._feed.age_s
            metrics.DIRECTORY_AGE.set(float("inf") if age is None else age)
            await asyncio.sleep(_AGE_INTERVAL_S)

    async def _become_ready(self) -> None:
        """Dry-run until every stage answers for every version; then wait for the directory, and for its arms."""
        flow = wiring.build_flow(self.settings, self._catalogue, self._stages, Observer(), cascade=False)
        messages = [dry_message(ref, self._catalogue.partner) for ref in self.settings.models.transformers]
        while missing := await _missing(flow, messages):
            self.waiting_for = ", ".join(sorted(missing))
            await asyncio.sleep(_RETRY_S)
        self.waiting_for = "the directory in Postgres"
        await self._feed.loaded()
        self.waiting_for = "versions that experiments name"
        with suppress(TimeoutError):
            await asyncio.wait_for(self._roster.settled(), _ARMS_PATIENCE_S)
        self.waiting_for = ""


async def _missing(flow: Flow, messages: Sequence[Message]) -> set[str]:
    """Stages that do not answer yet; never raises, or nobody would hear why the replica stays unready."""
    try:
        return {stage for answer in await flow.assess(messages) for stage in answer.degraded}
    except Exception as error:
        log.error("the dry run failed: %s", describe(error))
        return {"the dry run"}


def dry_message(version: str, partner: Callable[[str], str]) -> Message:
    """A message that nobody sent, for one transformer version and its partner."""
    return Message(
        id="dry-run",
        text=DRY_RUN,
        sender="",
        recipient="",
        tenant="",
        policy="moderate",
        intent="none",
        obfuscated=False,
        versions=Versions(version, *(partner(version),) * 4),
        received_at=0.0,
        deadline=float("inf"),
    )
