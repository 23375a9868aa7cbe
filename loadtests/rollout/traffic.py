"""Steady traffic from gateways that check every verdict and say of some what they really were."""

import asyncio
import random
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self

import aiohttp

from loadtests.answers import incomplete
from loadtests.bench.load import Timing, timing
from loadtests.ledger import Ledger
from loadtests.messages import Messages
from loadtests.rollout.site import Site
from loadtests.rollout.wire import Reply, ask

SENDERS = [f"+1555{number:07d}" for number in range(2_000)]  #: few enough that most come again within a step
LABELLED = 0.2  #: share of verdicts that feedback is sent about
CHANGED = 0.25  #: share of those whose label is changed at once


class Phase:
    """What happened from one change to the next."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seconds: list[float] = []  #: of each verdict
        self.faults: Counter[str] = Counter()  #: of verdicts
        self.failed: Counter[str] = Counter()  #: requests without an answer, after the second try
        self.retried: Counter[str] = Counter()  #: what the first try ended with
        self.degraded: Counter[str] = Counter()  #: verdicts that lack a stage
        self.feedback: Counter[str] = Counter()  #: what became of labels

    @property
    def timing(self) -> Timing:
        return timing(self.seconds) if self.seconds else Timing(0, 0.0, 0.0, 0.0)


class Traffic:
    """An async context manager; between `phase` calls it goes on as it is.

    Args:
        site: where to ask.
        ledger: judges verdicts.
        messages: no text comes twice.
        callers: each waits for its answer before it asks again.
        rate: questions a second of all callers together; fewer where answers are late.
    """

    def __init__(self, site: Site, ledger: Ledger, messages: Messages, callers: int, rate: float) -> None:
        self._site = site
        self._ledger = ledger
        self._messages = messages
        self._callers = callers
        self._pause = 1.0 / rate
        self._due = 0.0
        self._asked = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self.phases: list[Phase] = []
        self.labels: dict[str, str] = {}  #: message id to the label that was given last
        self.named: Counter[str] = Counter()  #: versions in verdicts, wherever they stood

    def phase(self, name: str) -> Phase:
        """From now on answers count here; those that are under way, too."""
        self.phases.append(Phase(name))
        return self.phases[-1]

    async def __aenter__(self) -> Self:
        self.phase("warm-up")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=2 * self._callers),
            headers={"Authorization": f"Bearer {self._site.key}", "Content-Type": "application/json"},
        )
        self._tasks = [asyncio.create_task(self._call(), name="caller") for _ in range(self._callers)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let everybody finish; raises what a caller raised."""
        self._stopping = True
        try:
            await asyncio.gather(*self._tasks)
        finally:
            await self._session.close()

    async def _call(self) -> None:
        while not self._stopping:
            now = time.monotonic()
            self._due = max(self._due + self._pause, now)  # what was late is not caught up with
            await asyncio.sleep(self._due - now)
            await self._one()

    async def _one(self) -> None:
        self._asked += 1
        example, sender, message_id = self._messages.next(), random.choice(SENDERS), f"m{self._asked}"
        body = {"text": example.text, "sender": sender, "message_id": message_id}
        reply = await ask(self._session, f"{self._site.url}/v1/classify", body)
        phase = self.phases[-1]
        if not self._count(phase, reply, "classify"):
            return
        phase.seconds.append(reply.seconds)
        self._judge(phase, reply, sender)
        if random.random() < LABELLED:
            await self._label(reply.body["receipt"], message_id)

    def _count(self, phase: Phase, reply: Reply, path: str) -> bool:
        """Whether there was an answer."""
        if reply.first:
            phase.retried[f"{path}: {reply.first}"] += 1
        if not reply.answered:
            phase.failed[f"{path}: status {reply.status}" if reply.status else f"{path}: no answer"] += 1
        return reply.answered

    def _judge(self, phase: Phase, reply: Reply, sender: str) -> None:
        verdict: dict[str, Any] = reply.body
        named = (verdict["experiment"] or {}).values()
        self.named.update({*verdict["models"].values(), *(credit["arm"] for credit in named)})
        if lacking := incomplete(verdict):
            phase.degraded[lacking] += 1
        if fault := self._ledger.fault(verdict, sender, reply.asked_at):
            phase.faults[fault] += 1

    async def _label(self, receipt: str, message_id: str) -> None:
        labels = random.sample(("spam", "ham"), 2 if random.random() < CHANGED else 1)
        for label in labels:
            body = {"receipt": receipt, "message_id": message_id, "label": label}
            reply = await ask(self._session, f"{self._site.url}/v1/feedback", body)
            phase = self.phases[-1]
            if self._count(phase, reply, "feedback"):
                phase.feedback[reply.body["status"]] += 1
                self.labels[message_id] = label
