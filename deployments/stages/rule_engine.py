"""Rules, allow and deny lists, sender reputation."""

from collections.abc import Sequence

from configs.resources import read_rules
from configs.settings import Settings, secrets
from deployments import interpreter
from deployments.backends import open_redis
from deployments.stages.worker import DRY_RUN, discreet
from pipeline.keys import Keys
from pipeline.reputation import reputation_hit
from pipeline.types import RuleHit


class RuleEngine:
    """A `RuleStage`."""

    def __init__(self, settings: Settings) -> None:
        self._book = read_rules(settings)
        environment = secrets()
        self._keys = Keys(environment.winnow_secret)
        self._store = open_redis(settings, environment)
        self._book.check(DRY_RUN, "", obfuscated=False)
        interpreter.settle()

    @discreet
    async def check(
        self, texts: list[str], senders: list[str], obfuscated: list[bool]
    ) -> list[tuple[RuleHit, ...] | None]:
        return self._book.check_all(texts, senders, await self._reputations(senders), obfuscated)

    async def _reputations(self, senders: Sequence[str]) -> dict[str, RuleHit | None]:
        known = list({sender for sender in senders if sender})
        if not known:
            return {}
        counts = await self._store.reputations([self._keys.sender(sender) for sender in known])
        return {sender: reputation_hit(*reports) for sender, reports in zip(known, counts, strict=True)}
