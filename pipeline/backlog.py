"""What waits for a batch: two queues, so that a bulk of a thousand does not stand before a single message."""

from collections import deque
from typing import Generic, Protocol, TypeVar

from pipeline.errors import Overloaded

_TURNS = 4  #: while both wait, every fourth item taken is one of the bulk


class Waiting(Protocol):
    """An item of a backlog."""

    cost: int


T = TypeVar("T", bound=Waiting)


class Backlog(Generic[T]):
    """First come, first served in each of two queues, singles and bulk, neither of which can starve.

    Args:
        items: the most that wait in one queue.
    """

    def __init__(self, items: int) -> None:
        self._items = items
        self._singles: deque[T] = deque()
        self._bulk: deque[T] = deque()
        self._turn = 0

    def add(self, item: T, *, bulk: bool) -> None:
        """
        Raises:
            Overloaded: the queue is full.
        """
        queue = self._bulk if bulk else self._singles
        if len(queue) >= self._items:
            raise Overloaded(retry_after_s=1.0)
        queue.append(item)

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
