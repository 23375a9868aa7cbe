"""The first cache level: the latest answers, in this process."""

from collections import OrderedDict
from typing import Generic, TypeVar

A = TypeVar("A")


class Recent(Generic[A]):
    """Answers by key, the least recently used of which go first.

    Args:
        items: the most that are kept; 0 keeps none.
        ttl_s: seconds after which an answer is forgotten.
    """

    def __init__(self, items: int, ttl_s: float) -> None:
        self._items = items
        self._ttl_s = ttl_s
        self._entries: OrderedDict[bytes, tuple[float, A]] = OrderedDict()

    def get(self, key: bytes, now: float) -> A | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        expires, answer = entry
        if expires < now:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return answer

    def put(self, key: bytes, answer: A, now: float) -> None:
        self._entries[key] = (now + self._ttl_s, answer)
        if len(self._entries) > self._items:
            self._entries.popitem(last=False)
