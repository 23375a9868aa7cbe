"""The engineer of a rollout. Every change is announced to the ledger before it can be seen in a verdict."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from deployments.client import Client
from loadtests.ledger import Ledger, Step
from pipeline.errors import InvalidField, Unavailable
from pipeline.orders import ExperimentRequest, PromoteRequest, RollbackRequest
from pipeline.routing import Experiment

TASK = "spam"
_LOADED_S = 90.0
_ASKED, _LOOK_S = (
    20,
    0.05,
)  #: answers in a row that say "ready": each replica speaks for itself, and looks twice a second


class Operator:
    """
    Args:
        client: with a key of the scope `admin`; nobody else changes the experiment.
        ledger: hears of every change.
    """

    def __init__(self, client: Client, ledger: Ledger) -> None:
        self._client = client
        self._ledger = ledger
        self.revision = 0

    async def put(self, arms: dict[str, float], why: str) -> int:
        """Set weights; says the revision."""
        return await self._change(arms, lambda: self._client.put_experiment(TASK, self._asked(arms, why)))

    async def promote(self, version: str, why: str) -> int:
        asked = PromoteRequest(version, revision=self.revision, why=why)
        return await self._change({version: 1.0}, lambda: self._client.promote(TASK, asked))

    async def rollback(self, expected: dict[str, float], why: str) -> int:
        """Back to the control, which gives these weights."""
        asked = RollbackRequest(revision=self.revision, why=why)
        return await self._change(expected, lambda: self._client.rollback(TASK, asked))

    async def refusal(self, arms: dict[str, float], why: str) -> str | None:
        """Ask for weights that must be refused; says in which words they were, None if they were not."""
        try:
            changed = await self._client.put_experiment(TASK, self._asked(arms, why))
        except InvalidField as error:
            return f"{error.field} {error.detail}"
        self.revision = changed.revision
        return None

    def _asked(self, arms: dict[str, float], why: str) -> ExperimentRequest:
        return ExperimentRequest(arms, "sender", self.revision, why)

    async def _change(self, arms: dict[str, float], send: Callable[[], Awaitable[Experiment]]) -> int:
        self._ledger.announce(Step(self.revision + 1, arms), time.monotonic())
        changed = await send()
        if (changed.revision, changed.arms) != (self.revision + 1, arms):
            raise Unavailable(f"revision {changed.revision} has the weights {changed.arms}, not {arms}")
        self.revision = changed.revision
        self._ledger.confirm(changed.revision, time.monotonic())
        return changed.revision


async def ready(client: Client, refs: Iterable[str]) -> float:
    """Wait until every replica can answer with these; says after how many seconds.

    Raises:
        Unavailable: it takes too long; says what is missing.
    """
    wanted, begun, streak = set(refs), time.monotonic(), 0
    while streak < _ASKED:
        states = {ref: state for each in await client.experiments() for ref, state in each.states.items()}
        missing = {ref: states.get(ref) for ref in wanted if states.get(ref) != "ready"}
        streak = 0 if missing else streak + 1
        if time.monotonic() - begun > _LOADED_S:
            raise Unavailable(f"not ready after {_LOADED_S:.0f} s: {missing}")
        await asyncio.sleep(_LOOK_S)
    return time.monotonic() - begun - _ASKED * _LOOK_S
