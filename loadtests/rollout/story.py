"""What happens in a rollout, in order: the plot of the whole show."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import msgspec

from deployments.client import Client
from loadtests.ledger import Ledger, Step, split_fault
from loadtests.messages import Messages
from loadtests.rollout import outcome, records, versions
from loadtests.rollout.operator import Operator, ready
from loadtests.rollout.outcome import Change, Death, Outcome, Refusal
from loadtests.rollout.site import Site
from loadtests.rollout.traffic import Traffic
from loadtests.rollout.versions import DAMAGED, FIRST, SECOND, SPOILED
from pipeline.errors import Unavailable

TEXTS = 10_000
AWAY_S = 8.0  #: that Postgres is stopped
_WARM_S = 3.0
_PATIENCE_S = 120.0  #: that a new replica, or a step's least, may take
_LOOK_S = 0.25
_LEAST = 200  #: verdicts in a step


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    seconds: float = 10.0  #: of each step
    callers: int = 8
    rate: float = 100.0  #: see `Traffic`
    away_s: float = AWAY_S


class Story:
    """
    Args:
        site: just opened; nobody else uses it.
        client: its operator's.
        plan: how long, and how much.
        tell: hears what happens.
    """

    def __init__(self, site: Site, client: Client, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> None:
        self._site = site
        self._client = client
        self._plan = plan
        self._tell = tell
        self._ledger = Ledger((FIRST, SECOND), Step(0, {}))
        self._operator = Operator(client, self._ledger)
        messages = Messages(TEXTS, random.randrange(1_000_000))
        self._traffic = Traffic(site, self._ledger, messages, plan.callers, plan.rate)
        self._names: dict[int, str] = {}  #: of revisions
        self._refusals: list[Refusal] = []
        self._deaths: list[Death] = []
        self._loaded_s = 0.0

    async def run(self) -> Outcome:
        operator = self._operator
        async with self._traffic:
            await asyncio.sleep(_WARM_S)
            self._traffic.phase("no experiment")
            await self._pass()
            await self._push()
            await self._change("10 %", operator.put({FIRST: 90.0, SECOND: 10.0}, "canary"))
            await self._refuse({FIRST: 85.0, SECOND: 10.0, DAMAGED: 5.0}, DAMAGED, "damaged in the store")
            await self._change("50 %", operator.put({FIRST: 50.0, SECOND: 50.0}, "half"))
            await self._kill("Ingress")
            await self._kill("DistilBert")
            await self._lose_postgres()
            await self._change("rollback", operator.rollback({FIRST: 1.0, SECOND: 0.0}, "complaints"))
            await self._change("promote", operator.promote(SECOND, "better after all"))
        return self._outcome(await records.compare(self._site.database_url, self._traffic.labels))

    async def _push(self) -> None:
        """The candidate is published and loaded without traffic; another one is spoiled once it was admitted."""
        self._begin("push")
        store = self._site.store
        await versions.push(versions.train(self._site.workshop, SECOND), store)
        for ref in (DAMAGED, SPOILED):
            versions.publish(versions.train(self._site.workshop, ref), store)
        versions.damage(store, DAMAGED)
        weightless = {FIRST: 1.0, SECOND: 0.0, SPOILED: 0.0}
        await self._change("0 %", self._operator.put(weightless, "load"), self._loaded())
        await self._refuse({FIRST: 90.0, SECOND: 0.0, SPOILED: 10.0}, SPOILED, "changed after it was admitted")

    async def _loaded(self) -> None:
        versions.damage(self._site.store, SPOILED)
        self._loaded_s = await ready(self._client, [SECOND])
        self._tell(f"{SECOND} was ready after {self._loaded_s:.1f} s")

    async def _change(self, name: str, command: Awaitable[int], then: Awaitable[None] | None = None) -> None:
        """Give a command, then let a step pass."""
        self._begin(name)
        self._names[await command] = name
        if then:
            await then
        await self._pass()

    async def _refuse(self, arms: dict[str, float], version: str, when: str) -> None:
        words = await self._operator.refusal(arms, "must be refused")
        self._refusals.append(Refusal(version, when, words))
        self._tell(f"{version}, {when}: {words}")

    async def _kill(self, deployment: str) -> None:
        """SIGKILL for one of two replicas; the step ends a while after the new one is there."""
        before, holders = await self._site.replicas(deployment), await self._holders(deployment)
        self._begin(f"50 %, {deployment} killed")
        begun, killed = time.monotonic(), await self._site.kill(deployment)

        async def as_many_processes() -> bool:
            now = await self._site.replicas(deployment)
            return killed not in now and len(now) == len(before)

        async def new_holder() -> bool:
            return bool(await self._holders(deployment) - holders)

        process_s = await _until(as_many_processes, begun, f"a new {deployment}")
        ready_s = await _until(new_holder, begun, f"a new {deployment} with {SECOND}") if holders else None
        self._deaths.append(Death(deployment, process_s, ready_s))
        self._tell(f"{deployment} {killed} was replaced after {ready_s or process_s:.1f} s")
        await self._pass()

    async def _holders(self, deployment: str) -> set[str]:
        return await records.holders(self._site.database_url, deployment, SECOND)

    async def _lose_postgres(self) -> None:
        self._begin("50 %, Postgres stopped")
        await self._site.stop_postgres()
        await asyncio.sleep(self._plan.away_s)
        await self._site.start_postgres()
        self._begin("50 %, Postgres back")
        await self._pass()

    async def _pass(self) -> None:
        """A step: its time, and on a slow machine until there is enough to judge a split by."""

        async def enough() -> bool:
            return len(self._traffic.phases[-1].seconds) >= _LEAST

        await asyncio.sleep(self._plan.seconds)
        await _until(enough, time.monotonic(), f"{_LEAST} verdicts")

    def _begin(self, name: str) -> None:
        self._tell(name)
        self._traffic.phase(name)

    def _outcome(self, labels: records.Labels) -> Outcome:
        lags = self._ledger.lags()
        return Outcome(
            phases=[
                outcome.Phase(p.name, p.timing, *map(dict, (p.faults, p.failed, p.retried, p.degraded, p.feedback)))
                for p in self._traffic.phases
            ],
            changes=[
                Change(
                    self._names[step.revision],
                    step.revision,
                    step.arms,
                    dict(senders),
                    split_fault(senders, step.arms),
                    lags[step.revision],
                )
                for step, senders in self._ledger.splits()
            ],
            refusals=self._refusals,
            deaths=self._deaths,
            labels=labels,
            named=dict(self._traffic.named),
            loaded_s=self._loaded_s,
            callers=self._plan.callers,
            rate=self._plan.rate,
        )


async def _until(holds: Callable[[], Awaitable[bool]], begun: float, what: str) -> float:
    """Seconds from `begun` until it holds.

    Args:
        what: is missing while it does not hold.

    Raises:
        Unavailable: it takes too long.
    """
    while not await holds():
        if time.monotonic() - begun > _PATIENCE_S:
            raise Unavailable(f"{what} is still missing after {_PATIENCE_S:.0f} s")
        await asyncio.sleep(_LOOK_S)
    return time.monotonic() - begun


async def tell(site: Site, plan: Plan, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """The whole story on a site of its own."""
    async with Client(site.url, site.key) as client:
        return await Story(site, client, plan, say).run()
