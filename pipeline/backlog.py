"""What waits for a batch: two queues, so that a bulk of a thousand does not stand before a single message."""

from collections import deque
from typing import Generic, Protocol, TypeVar

from pipeline.errors import Overloaded

_TURNS = 4  #: while both wait, every fourth item taken is one of the bulk
_BURST_S = 0.3  #: a queue may be slow for so long before it refuses


class Waiting(Protocol):
    """An item of a backlog."""

    cost: int
    since: float  #: seconds on the clock whose time `Backlog.add` is told


T = TypeVar("T", bound=Waiting)


class Backlog(Generic[T]):
    """First come, first served in each of two queues, singles and bulk, neither of which can starve.

    Args:
        items: the most that wait in one queue.
        wait_s: new singles are refused while the oldest one has waited longer than this, unless that is so for a
            moment only, as after a burst. A caller who is refused at once can go elsewhere; one who waits cannot.
    """

    def __init__(self, items: int, wait_s: float) -> None:
        self._items = items
        self._wait_s = wait_s
        self._singles: deque[T] = deque()
        self._bulk: deque[T] = deque()
        self._turn = 0
        self._slow_since: float | None = None

    def __len__(self) -> int:
        return len(self._singles) + len(self._bulk)

    def add(self, item: T, *, bulk: bool) -> None:
        """
        Raises:
            Overloaded: the queue is full, or moves too slowly.
        """
        queue = self._bulk if bulk else self._singles
        if len(queue) >= self._items or (not bulk and self._is_slow(item.since)):
            raise Overloaded(retry_after_s=1.0)
        queue.append(item)

    def _is_slow(self, now: float) -> bool:
        if not self._singles or now - self._singles[0].since <= self._wait_s:
            self._slow_since = None
        elif self._slow_since is None:
            self._slow_since = now
        return self._slow_since is not None and now - self._slow_since > _BURST_S

    def take(self, most_cost: float) -> T | None:
        """The item whose turn it is; None where none waits, or it costs more than `most_cost`."""
        queue = self._next_queue()
        if not queue or queue[0].cost > most_cost:
            return None
        self._turn += 1
        return queue.popleft()

    def _next_queue(self) -> deque[T]:
        if not self._singles or (self._bulk and self._turn % _TURNS == 0):
            return self._bulk
        return self._singles
