"""What Winnow asks of a key-value store: the shared cache of answers and the reputation of senders.

`RedisStore` is the real one. `MemoryStore` keeps the same promises in one process and can be told to fail.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from pipeline.breaker import Breaker
from pipeline.clients.guard import FailureHook, Guard, ignore_failure

Fault = Literal["down", "hang"]


class KeyValueStore(Protocol):
    """Never raises and never takes longer than its timeout: an unreachable store is an empty one."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The value of each key, in order; one round trip."""
        ...

    async def set_many(self, items: Mapping[bytes, bytes], ttl_s: int) -> None:
        """Keep the values for `ttl_s` seconds; one round trip."""
        ...

    async def report(self, sender_key: str, spam: bool) -> None:
        """Count one report on a sender."""
        ...

    async def correct(self, sender_key: str, spam: bool) -> None:
        """Move one report that was counted the other way; what is not there to be taken away is not."""
        ...

    async def reputations(self, sender_keys: Sequence[str]) -> list[tuple[int, int]]:
        """(reports of spam, reports of ham) of each sender, in order; one round trip."""
        ...

    async def close(self) -> None: ...


class MemoryStore:
    """A store in this process, for tests and for a server that shall run without Redis.

    Args:
        timeout_s, breaker, on_failure: as for `RedisStore`.
        clock: seconds, monotonic; values expire by it.
    """

    def __init__(
        self,
        *,
        timeout_s: float = 0.05,
        breaker: Breaker | None = None,
        on_failure: FailureHook = ignore_failure,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fault: Fault | None = None  #: set it to make every call fail
        self._guard = Guard(timeout_s, breaker or Breaker(), on_failure, clock)
        self._clock = clock
        self._values: dict[bytes, tuple[float, bytes]] = {}
        self._reports: dict[str, tuple[int, int]] = {}

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        async def read() -> list[bytes | None]:
            await self._fail()
            return [self._live(key) for key in keys]

        return await self._guard.call("get_many", read, [None] * len(keys))

    async def set_many(self, items: Mapping[bytes, bytes], ttl_s: int) -> None:
        async def write() -> None:
            await self._fail()
            expires = self._clock() + ttl_s
            self._values.update((key, (expires, value)) for key, value in items.items())

        await self._guard.call("set_many", write, None)

    async def report(self, sender_key: str, spam: bool) -> None:
        async def count() -> None:
            await self._fail()
            bad, good = self._reports.get(sender_key, (0, 0))
            self._reports[sender_key] = (bad + spam, good + (not spam))

        await self._guard.call("report", count, None)

    async def correct(self, sender_key: str, spam: bool) -> None:
        async def move() -> None:
            await self._fail()
            bad, good = self._reports.get(sender_key, (0, 0))
            self._reports[sender_key] = (bad + 1, max(0, good - 1)) if spam else (max(0, bad - 1), good + 1)

        await self._guard.call("correct", move, None)

    async def reputations(self, sender_keys: Sequence[str]) -> list[tuple[int, int]]:
        async def read() -> list[tuple[int, int]]:
            await self._fail()
            return [self._reports.get(key, (0, 0)) for key in sender_keys]

        return await self._guard.call("reputations", read, [(0, 0)] * len(sender_keys))

    async def close(self) -> None:
        """Nothing to let go of."""

    def _live(self, key: bytes) -> bytes | None:
        expires, value = self._values.get(key, (0.0, b""))
        return value if expires > self._clock() else None

    async def _fail(self) -> None:
        if self.fault == "down":
            raise ConnectionError
        if self.fault == "hang":
            await asyncio.Event().wait()
