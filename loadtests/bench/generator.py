"""A load generator in a process of its own: `python -m loadtests.bench.generator`, a Plan on stdin, a Result on stdout.

It shares the machine with what it measures, so it does as little as Python allows: requests are bytes before the clock
starts, an answer is counted and not read, and nothing is collected as garbage meanwhile.
"""

import asyncio
import gc
import random
import resource
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate
from typing import Any

import msgspec

from loadtests.bench.http1 import Connection, Reply
from loadtests.bench.load import Plan, Result, timing

_clock = time.perf_counter


class Load(ABC):
    """What closed and open loop share: connections, and the record of answers."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.requests = [_request(plan, body) for body in plan.bodies]
        self.sent = self.settled = 0
        self.open = self.most_open = 0
        self._latencies: dict[int, list[float]] = defaultdict(list)
        self._from_send: dict[int, list[float]] = defaultdict(list)
        self._retry_after: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._marker = plan.marker.encode()
        self._finished = asyncio.Event()
        self._last_answer = self._last_send = self._started = _clock()
        self._late = [0.0]
        self._connecting: set[asyncio.Task[None]] = set()
        self._defect: BaseException | None = None

    async def run(self) -> Result:
        asyncio.get_running_loop().set_exception_handler(self._broken)
        self._started = _clock()
        await self.feed()
        before = -1
        while before < self.settled < len(self.requests) and not self._finished.is_set():
            before = self.settled
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._finished.wait(), self.plan.patience_s)
        if self._defect:
            raise self._defect
        unanswered = len(self.requests) - self.settled
        if unanswered:
            self._errors["unanswered"] += unanswered
        return self._result()

    @abstractmethod
    async def feed(self) -> None:
        """Send everything, or set in motion what does."""

    @abstractmethod
    def free(self, connection: Connection) -> None:
        """A connection may send."""

    @abstractmethod
    def gone(self) -> None:
        """A connection is closed, perhaps with work left."""

    def send(self, connection: Connection, index: int, due: float | None = None) -> None:
        now = self._last_send = _clock()
        if due is not None:
            self._late.append(now - due)
        self.sent += 1
        connection.send(self.requests[index], index, due or now, now)

    def connect(self) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        task = asyncio.ensure_future(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        if error := task.exception():
            self._defect = error
            self._finished.set()

    def _broken(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception that no code has caught is a defect of this generator; no figure may come of it."""
        self._defect = context.get("exception") or RuntimeError(context["message"])
        self._finished.set()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self._answered, self._lost), "127.0.0.1", self.plan.port
            )
        except OSError as error:
            self.open -= 1
            self._errors[type(error).__name__] += 1
            self._finished.set()  # a server that takes no connection ends the run, loudly
            return
        self.free(connection)

    def _answered(self, connection: Connection, reply: Reply) -> None:
        now = self._last_answer = _clock()
        self._latencies[reply.status].append(now - connection.since)
        self._from_send[reply.status].append(now - connection.sent)
        if reply.retry_after:
            self._retry_after[str(reply.status)] += 1
        if reply.status == 200:
            if reply.body.count(self._marker) != self.plan.markers:
                self._errors["answer without what it should say"] += 1
            if connection.index < self.plan.samples and (wrong := wrong_with(reply.body, self.plan)):
                self._errors[wrong] += 1
        self._settle()
        if not connection.closing:
            self.free(connection)

    def _lost(self, _connection: Connection, trouble: str) -> None:
        self.open -= 1
        if trouble:
            self._errors[trouble] += 1
            self._settle()
        self.gone()

    def _settle(self) -> None:
        self.settled += 1
        if self.settled == len(self.requests):
            self._finished.set()

    def _result(self) -> Result:
        return Result(
            requests=len(self.requests),
            seconds=max(self._last_answer - self._started, 1e-9),
            timings={str(status): timing(each) for status, each in sorted(self._latencies.items())},
            from_send={str(status): timing(each) for status, each in sorted(self._from_send.items())},
            retry_after=dict(self._retry_after),
            errors=dict(self._errors),
            connections=self.most_open,
            late_p99_ms=timing(self._late).p99,
            ended=time.time() - (_clock() - self._last_send),
        )


class Closed(Load):
    """Each connection asks again as soon as it has its answer."""

    async def feed(self) -> None:
        for _ in range(min(self.plan.connections, len(self.requests))):
            self.connect()

    def free(self, connection: Connection) -> None:
        if self.sent < len(self.requests):
            self.send(connection, self.sent)
        else:
            connection.close()

    def gone(self) -> None:
        if self.sent < len(self.requests):
            self.connect()


class Open(Load):
    """Requests come when they come, as a Poisson process, however slow the answers are.

    Where all connections are busy another one is opened; where there may be no more, requests wait here, on the clock.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._idle: list[Connection] = []
        self._due: deque[tuple[int, float]] = deque()

    async def feed(self) -> None:
        started = _clock()
        for index, offset in enumerate(arrivals(self.plan)):
            due = started + offset
            if (wait := due - _clock()) > 0:
                await asyncio.sleep(wait)
            elif index % 32 == 0:
                await asyncio.sleep(0)  # behind the schedule: answers must be read all the same
            self._due.append((index, due))
            self._pump()

    def free(self, connection: Connection) -> None:
        self._idle.append(connection)
        self._pump()

    def gone(self) -> None:
        self._idle = [each for each in self._idle if not each.closing]
        self._pump()

    def _pump(self) -> None:
        while self._due and self._idle:
            connection = self._idle.pop()
            if not connection.closing:
                self.send(connection, *self._due.popleft())
        for _ in range(min(len(self._due) - len(self._connecting), self.plan.connections - self.open)):
            self.connect()


def arrivals(plan: Plan) -> list[float]:
    """Seconds from the start at which each request is due."""
    assert plan.rate
    dice = random.Random(plan.seed)
    return list(accumulate(dice.expovariate(plan.rate) for _ in plan.bodies))


def wrong_with(body: bytes, plan: Plan) -> str:
    """What is wrong with an answer of status 200; "" when nothing is. Never its text."""
    try:
        answer: Any = msgspec.json.decode(body)
        verdicts = answer if isinstance(answer, list) else answer.get("results", [answer])
        scores = [verdict["spam_score"] for verdict in verdicts]
    except (msgspec.DecodeError, LookupError, TypeError, AttributeError):
        return "answer without a spam_score"
    if not all(isinstance(score, int | float) and 0 <= score <= 1 for score in scores):
        return "spam_score outside 0 to 1"
    if plan.complete and any(verdict.get("status") != "complete" for verdict in verdicts):
        return "verdict that is not complete"
    return ""


def _request(plan: Plan, body: str) -> bytes:
    raw = body.encode()
    fields = {"Host": f"127.0.0.1:{plan.port}", "Content-Type": "application/json", **plan.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {plan.path} HTTP/1.1\r\n{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


async def run(plan: Plan) -> Result:
    """Send a plan."""
    return await (Closed(plan) if plan.rate is None else Open(plan)).run()


def main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.collect()
    gc.freeze()
    gc.disable()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        sys.stdout.buffer.write(msgspec.json.encode(runner.run(run(plan))))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


if __name__ == "__main__":
    main()
