"""Two cache levels and single flight in front of one batch function, fed by take-all-when-free batches.

A question that nobody has asked starts a flight. Equal questions that arrive meanwhile wait for the same
flight. Whenever a slot is free the collector takes all flights that wait, up to its limits; there is no timer,
so an idle server answers at once and a backlog enlarges the batch.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextvars import Context
from typing import Annotated, Generic, Protocol, TypeVar

import msgspec

from pipeline.backlog import Backlog
from pipeline.cancellation import stops_this_task
from pipeline.errors import DeadlineExceeded, Overloaded, Unavailable
from pipeline.observe import Observer
from pipeline.recent import Recent
from pipeline.types import CacheSource

Q = TypeVar("Q")
A = TypeVar("A")


class Shelf(Protocol):
    """The second cache level. Never raises: an unreachable shelf is an empty one."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]: ...

    async def set_many(self, items: dict[bytes, bytes], ttl_s: int) -> None: ...


Positive = Annotated[int, msgspec.Meta(ge=1)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of one lane; slots and queue are those of each kind of questions."""

    slots: Positive = 2  #: batches in flight at once
    batch_items: Positive = 256
    batch_cost: int = 200_000  #: sum of the items' costs (characters) in a batch
    queue_items: int = 10_000  #: flights waiting before new ones are refused, singles and bulk each
    memory_items: int = 50_000  #: answers kept in this process; 0: none
    memory_ttl_s: int = 300  #: seconds that they stay there
    ttl_s: int = 3600  #: seconds that an answer stays on the shelf; 0: the shelf is not used


Waiter = asyncio.Future[tuple[A, CacheSource]]  #: gets the answer and where it came from


class Flight(Generic[Q, A]):
    """One question on its way, and everybody who waits for its answer; the first of them started it."""

    __slots__ = ("cost", "deadline", "key", "question", "since", "waiters")

    def __init__(self, key: bytes, question: Q, cost: int, now: float) -> None:
        self.key = key
        self.question = question
        self.cost = cost
        self.since = now
        self.deadline = now
        self.waiters: list[Waiter[A]] = []

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits."""
        return not all(waiter.done() for waiter in self.waiters)


class _Queue(Generic[Q, A]):
    """What waits of one kind, and how many batches of it may still start."""

    def __init__(self, limits: Limits) -> None:
        self.backlog: Backlog[Flight[Q, A]] = Backlog(limits.queue_items)
        self.free = limits.slots


class Memo(Generic[Q, A]):
    """Answers questions by key.

    Args:
        lane: name for metrics.
        compute: answers a batch in parts, each of them as pairs of a question's index and its answer. An answer may be
            an exception, which goes to that question alone.
        shelf: second cache level, or None.
        encode, decode: an answer to bytes and back; decode raises on bytes that it does not know.
        keep: whether an answer may be cached (a degraded one may not).
        limits: bounds.
        observer: hears of batches, hits and drops.
        kind: of a question. Each kind has a queue, slots and batches of its own: one that is slow holds up no other.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        lane: str,
        compute: Callable[[list[Q]], AsyncIterator[Sequence[tuple[int, A | Exception]]]],
        *,
        shelf: Shelf | None,
        encode: Callable[[A], bytes],
        decode: Callable[[bytes], A],
        keep: Callable[[A], bool],
        limits: Limits,
        observer: Observer,
        kind: Callable[[Q], str] = lambda _: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lane = lane
        self._compute = compute
        self._shelf = shelf if limits.ttl_s else None
        self._encode, self._decode, self._keep = encode, decode, keep
        self._limits = limits
        self._observer = observer
        self._clock = clock
        self._recent: Recent[A] = Recent(limits.memory_items, limits.memory_ttl_s)
        self._flights: dict[bytes, Flight[Q, A]] = {}
        self._kind = kind
        self._queues: defaultdict[str, _Queue[Q, A]] = defaultdict(lambda: _Queue(limits))
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, key: bytes, question: Q, *, cost: int, deadline: float) -> tuple[A, CacheSource]:
        """The answer to `question` and where it came from.

        Raises:
            Overloaded: too many questions wait.
            DeadlineExceeded: `deadline` (clock seconds) passed first.
            Unavailable: the batch failed as a whole.
        """
        return await self.ask(key, question, cost=cost, deadline=deadline)

    def ask(self, key: bytes, question: Q, *, cost: int, deadline: float, bulk: bool = False) -> Waiter[A]:
        """What `get` waits for, for those who ask many questions before they wait. Cancel it to leave.

        Args:
            bulk: the question is one of many, and single ones may overtake it.

        Raises:
            Overloaded: too many questions wait. All other errors are the waiter's.
        """
        now = self._clock()
        loop = asyncio.get_running_loop()
        waiter: Waiter[A] = loop.create_future()
        remembered = self._recent.get(key, now)
        if remembered is not None:
            self._observer.cache(self._lane, "memory")
            waiter.set_result((remembered, "memory"))
            return waiter
        flight = self._flights.get(key) or self._enqueue(Flight(key, question, cost, now), bulk=bulk)
        flight.waiters.append(waiter)
        flight.deadline = max(flight.deadline, deadline)
        timer = loop.call_later(max(0.0, deadline - now), _expire, waiter)
        waiter.add_done_callback(lambda _: timer.cancel())
        return waiter

    def _enqueue(self, flight: Flight[Q, A], *, bulk: bool) -> Flight[Q, A]:
        queue = self._queues[self._kind(flight.question)]
        try:
            queue.backlog.add(flight, bulk=bulk)
        except Overloaded:
            self._observer.dropped(self._lane, "refused")
            raise
        self._flights[flight.key] = flight
        if queue.free:
            queue.free -= 1
            # Start on the loop's next turn, so that everything parsed in this one shares the batch.
            asyncio.get_running_loop().call_soon(self._start, queue, context=Context())
        return flight

    def _start(self, queue: _Queue[Q, A]) -> None:
        """Run in an empty context: a batch belongs to many callers, and what one of them does (Ray cancels the
        calls of a request whose caller hung up) must not reach the others.
        """
        task = asyncio.get_running_loop().create_task(self._drain(queue), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, queue: _Queue[Q, A]) -> None:
        """Run batches until nothing waits, then give the slot back."""
        try:
            while batch := self._take(queue):
                await self._run(batch)
        finally:
            queue.free += 1

    def _take(self, queue: _Queue[Q, A]) -> list[Flight[Q, A]]:
        batch: list[Flight[Q, A]] = []
        room = float("inf")  # an item beyond the cost of a batch goes alone
        now = self._clock()
        while len(batch) < self._limits.batch_items and (flight := queue.backlog.take(room)):
            if self._drops(flight, now):
                continue
            room = (room if batch else self._limits.batch_cost) - flight.cost
            batch.append(flight)
        return batch

    def _drops(self, flight: Flight[Q, A], now: float) -> bool:
        """Nobody computes what nobody waits for."""
        if flight.wanted and flight.deadline > now:
            return False
        self._observer.dropped(self._lane, "expired" if flight.wanted else "abandoned")
        self._fail(flight, DeadlineExceeded(retry_after_s=1.0))
        return True

    async def _run(self, batch: list[Flight[Q, A]]) -> None:
        try:
            waited = self._clock() - min(flight.since for flight in batch)
            self._observer.batch(self._lane, len(batch), waited)
            missing = await self._from_shelf(batch)
            if missing:
                await self._answer(missing)
        except BaseException as error:
            for flight in batch:
                self._fail(flight, Unavailable(f"the batch failed: {type(error).__name__}", retry_after_s=1.0))
            if stops_this_task(error):
                raise

    async def _from_shelf(self, batch: list[Flight[Q, A]]) -> list[Flight[Q, A]]:
        """Land what the shelf knows; the rest is returned."""
        if self._shelf is None:
            return batch
        kept = [self._read(raw) for raw in await self._shelf.get_many([flight.key for flight in batch])]
        found, missing = [], []
        for flight, answer in zip(batch, kept, strict=True):
            if answer is None:
                missing.append(flight)
            else:
                found.append((flight, answer))
        self._land(found, "redis")
        return missing

    def _read(self, raw: bytes | None) -> A | None:
        if raw is None:
            return None
        try:
            return self._decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None  # written by another version: as good as absent

    async def _answer(self, flights: list[Flight[Q, A]]) -> None:
        fresh: dict[bytes, bytes] = {}
        async for part in self._compute([flight.question for flight in flights]):
            found = []
            for index, answer in part:
                if isinstance(answer, Exception):
                    self._fail(flights[index], answer)
                else:
                    found.append((flights[index], answer))
            self._land(found, "miss")
            if self._shelf is not None:
                fresh.update((flight.key, self._encode(answer)) for flight, answer in found if self._keep(answer))
        if any(self._flights.get(flight.key) is flight for flight in flights):
            raise ValueError("a question was left without an answer")
        if self._shelf is not None and fresh:
            await self._shelf.set_many(fresh, self._limits.ttl_s)

    def _land(self, found: list[tuple[Flight[Q, A], A]], source: CacheSource) -> None:
        """Give the answers to those who wait; `source` is that of the first one to ask."""
        now, coalesced = self._clock(), 0
        for flight, answer in found:
            self._close(flight)
            if self._keep(answer):
                self._recent.put(flight.key, answer, now)
            coalesced += len(flight.waiters) - 1
            for waiter in flight.waiters:
                if not waiter.done():
                    waiter.set_result((answer, source if waiter is flight.waiters[0] else "coalesced"))
        self._observer.cache(self._lane, source, len(found))
        if coalesced:
            self._observer.cache(self._lane, "coalesced", coalesced)

    def _fail(self, flight: Flight[Q, A], error: Exception) -> None:
        self._close(flight)
        for waiter in flight.waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def _close(self, flight: Flight[Q, A]) -> None:
        """Nobody joins it any more. Where it was closed before, another one may fly under its key by now."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]


def _expire(waiter: Waiter[A]) -> None:
    if not waiter.done():
        waiter.set_exception(DeadlineExceeded(retry_after_s=1.0))
