"""Two cache levels and single flight in front of one batch function, fed by take-all-when-free batches.

A question that nobody has asked starts a flight. Equal questions that arrive meanwhile wait for the same
flight. Whenever a slot is free the collector takes all flights that wait, up to its limits; there is no timer,
so an idle server answers at once and a backlog enlarges the batch.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, Protocol, TypeVar

import msgspec

from pipeline.cancellation import stops_this_task
from pipeline.errors import DeadlineExceeded, Overloaded, Unavailable
from pipeline.observe import Observer
from pipeline.types import CacheSource

Q = TypeVar("Q")
A = TypeVar("A")


class Shelf(Protocol):
    """The second cache level. Never raises: an unreachable shelf is an empty one."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]: ...

    async def set_many(self, items: dict[bytes, bytes], ttl_s: int) -> None: ...


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of one lane."""

    slots: int = 2  #: batches in flight at once
    batch_items: int = 256
    batch_cost: int = 200_000  #: sum of the items' costs (characters) in a batch
    queue_items: int = 10_000  #: flights waiting before new ones are refused
    memory_items: int = 50_000  #: answers kept in this process
    memory_ttl_s: int = 300  #: seconds that they stay there
    ttl_s: int = 3600  #: seconds that an answer stays on the shelf


class Flight(Generic[Q, A]):
    """One question on its way, and everybody who waits for its answer."""

    __slots__ = ("cost", "deadline", "future", "key", "question", "since", "source", "waiters")

    def __init__(self, key: bytes, question: Q, cost: int, deadline: float, now: float, future: asyncio.Future[A]):
        self.key = key
        self.question = question
        self.cost = cost
        self.deadline = deadline
        self.since = now
        self.future = future
        self.waiters = 0
        self.source: CacheSource = "miss"


class Memo(Generic[Q, A]):
    """Answers questions by key.

    Args:
        lane: name for metrics.
        compute: answers a batch in order; an answer may be an exception, which goes to that question alone.
        shelf: second cache level, or None.
        encode, decode: an answer to bytes and back; decode raises on bytes that it does not know.
        keep: whether an answer may be cached (a degraded one may not).
        limits: bounds.
        observer: hears of batches, hits and drops.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        lane: str,
        compute: Callable[[list[Q]], Awaitable[Sequence[A | Exception]]],
        *,
        shelf: Shelf | None,
        encode: Callable[[A], bytes],
        decode: Callable[[bytes], A],
        keep: Callable[[A], bool],
        limits: Limits,
        observer: Observer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lane = lane
        self._compute = compute
        self._shelf = shelf
        self._encode, self._decode, self._keep = encode, decode, keep
        self._limits = limits
        self._observer = observer
        self._clock = clock
        self._memory: OrderedDict[bytes, tuple[float, A]] = OrderedDict()
        self._flights: dict[bytes, Flight[Q, A]] = {}
        self._queue: deque[Flight[Q, A]] = deque()
        self._free = limits.slots
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, key: bytes, question: Q, *, cost: int, deadline: float) -> tuple[A, CacheSource]:
        """The answer to `question` and where it came from.

        Raises:
            Overloaded: too many questions wait.
            DeadlineExceeded: `deadline` (clock seconds) passed first.
            Unavailable: the batch failed as a whole.
        """
        remembered = self._recall(key)
        if remembered is not None:
            self._observer.cache(self._lane, "memory")
            return remembered, "memory"
        flight = self._flights.get(key)
        coalesced = flight is not None
        if flight is None:
            flight = self._enqueue(key, question, cost, deadline)
        flight.deadline = max(flight.deadline, deadline)
        answer = await self._wait(flight, deadline)
        source: CacheSource = "coalesced" if coalesced else flight.source
        self._observer.cache(self._lane, source)
        return answer, source

    def _recall(self, key: bytes) -> A | None:
        entry = self._memory.get(key)
        if entry is None:
            return None
        expires, answer = entry
        if expires < self._clock():
            del self._memory[key]
            return None
        self._memory.move_to_end(key)
        return answer

    def _enqueue(self, key: bytes, question: Q, cost: int, deadline: float) -> Flight[Q, A]:
        if len(self._queue) >= self._limits.queue_items:
            self._observer.dropped(self._lane, "refused")
            raise Overloaded(retry_after_s=1.0)
        loop = asyncio.get_running_loop()
        flight: Flight[Q, A] = Flight(key, question, cost, deadline, self._clock(), loop.create_future())
        self._flights[key] = flight
        self._queue.append(flight)
        if self._free:
            self._free -= 1
            # Start on the loop's next turn, so that everything parsed in this one shares the batch.
            loop.call_soon(self._start, context=Context())
        return flight

    async def _wait(self, flight: Flight[Q, A], deadline: float) -> A:
        flight.waiters += 1
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock())):
                return await asyncio.shield(flight.future)
        except TimeoutError:
            raise DeadlineExceeded(retry_after_s=1.0) from None
        finally:
            flight.waiters -= 1

    def _start(self) -> None:
        """Run in an empty context: a batch belongs to many callers, and what one of them does (Ray cancels the
        calls of a request whose caller hung up) must not reach the others.
        """
        task = asyncio.get_running_loop().create_task(self._drain(), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        """Run batches until nothing waits, then give the slot back."""
        try:
            while batch := self._take():
                await self._run(batch)
        finally:
            self._free += 1

    def _take(self) -> list[Flight[Q, A]]:
        batch: list[Flight[Q, A]] = []
        cost = 0
        now = self._clock()
        while self._queue and len(batch) < self._limits.batch_items:
            flight = self._queue[0]
            if batch and cost + flight.cost > self._limits.batch_cost:
                break
            self._queue.popleft()
            if self._drops(flight, now):
                continue
            batch.append(flight)
            cost += flight.cost
        if batch:
            self._observer.batch(self._lane, len(batch), now - batch[0].since)
        return batch

    def _drops(self, flight: Flight[Q, A], now: float) -> bool:
        """Nobody computes what nobody waits for."""
        if flight.waiters and flight.deadline > now:
            return False
        self._observer.dropped(self._lane, "expired" if flight.waiters else "abandoned")
        self._land(flight, DeadlineExceeded(retry_after_s=1.0))
        return True

    async def _run(self, batch: list[Flight[Q, A]]) -> None:
        try:
            missing = await self._from_shelf(batch)
            if missing:
                await self._answer(missing)
        except BaseException as error:
            for flight in batch:
                self._land(flight, Unavailable(f"the batch failed: {type(error).__name__}", retry_after_s=1.0))
            if stops_this_task(error):
                raise

    async def _answer(self, flights: list[Flight[Q, A]]) -> None:
        answers = await self._compute([flight.question for flight in flights])
        fresh: dict[bytes, bytes] = {}
        for flight, answer in zip(flights, answers, strict=True):
            self._land(flight, answer)
            if self._shelf is not None and not isinstance(answer, Exception) and self._keep(answer):
                fresh[flight.key] = self._encode(answer)
        if self._shelf is not None and fresh:
            await self._shelf.set_many(fresh, self._limits.ttl_s)

    async def _from_shelf(self, batch: list[Flight[Q, A]]) -> list[Flight[Q, A]]:
        """Land what the shelf knows; the rest is returned."""
        if self._shelf is None:
            return batch
        missing = []
        for flight, raw in zip(batch, await self._shelf.get_many([f.key for f in batch]), strict=True):
            answer = self._read(raw)
            if answer is None:
                missing.append(flight)
            else:
                flight.source = "redis"
                self._land(flight, answer)
        return missing

    def _read(self, raw: bytes | None) -> A | None:
        if raw is None:
            return None
        try:
            return self._decode(raw)
        except msgspec.MsgspecError:
            return None  # written by another version: as good as absent

    def _land(self, flight: Flight[Q, A], answer: A | Exception) -> None:
        if flight.future.done():
            return
        self._flights.pop(flight.key, None)
        if isinstance(answer, Exception):
            flight.future.set_exception(answer)
            flight.future.exception()  # seen: an abandoned flight must not warn at collection
            return
        flight.future.set_result(answer)
        if self._keep(answer):
            self._memory[flight.key] = (self._clock() + self._limits.memory_ttl_s, answer)
            if len(self._memory) > self._limits.memory_items:
                self._memory.popitem(last=False)
