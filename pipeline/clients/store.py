"""What Winnow asks of a key-value store: the shared cache of answers and the reputation of senders.

`RedisStore` is the real one. `MemoryStore` keeps the same promises in one process and can be told to fail.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from pipeline.breaker import Breaker
from pipeline.clients.guard import FailureHook, Guard, ignore_failure
from pipeline.reputation import Reports

SENDER_TTL_S = 90 * 24 * 3600  #: a sender that nobody reports for this long is forgotten

Fault = Literal["down", "hang"]


class KeyValueStore(Protocol):
    """Never raises and never takes longer than its timeout: an unreachable store is an empty one."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The value of each key, in order; one round trip."""
        ...

    async def set_many(self, items: Mapping[bytes, bytes], ttl_s: int) -> None:
        """Keep the values for `ttl_s` seconds; one round trip."""
        ...

    async def report(self, sender_key: str, tenant: str, spam: bool, most: int) -> None:
        """Note one report of a tenant on a sender; `most` of them count (see `pipeline.reputation.Reports`)."""
        ...

    async def correct(self, sender_key: str, tenant: str, spam: bool, most: int) -> None:
        """Move one report that the tenant had noted the other way; where there is none, do nothing."""
        ...

    async def reputations(self, sender_keys: Sequence[str]) -> list[tuple[int, int]]:
        """(reports of spam, reports of ham) that count of each sender, in order; one round trip."""
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
        self._senders: dict[str, tuple[float, Reports]] = {}

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

    async def report(self, sender_key: str, tenant: str, spam: bool, most: int) -> None:
        async def count() -> None:
            await self._fail()
            self._renewed(sender_key).report(tenant, spam, most)

        await self._guard.call("report", count, None)

    async def correct(self, sender_key: str, tenant: str, spam: bool, most: int) -> None:
        async def move() -> None:
            await self._fail()
            self._renewed(sender_key).correct(tenant, spam, most)

        await self._guard.call("correct", move, None)

    async def reputations(self, sender_keys: Sequence[str]) -> list[tuple[int, int]]:
        async def read() -> list[tuple[int, int]]:
            await self._fail()
            counted = [self._reports(key).counted for key in sender_keys]
            return [(count.get(True, 0), count.get(False, 0)) for count in counted]

        return await self._guard.call("reputations", read, [(0, 0)] * len(sender_keys))

    async def close(self) -> None:
        """Nothing to let go of."""

    def _live(self, key: bytes) -> bytes | None:
        expires, value = self._values.get(key, (0.0, b""))
        return value if expires > self._clock() else None

    def _reports(self, sender_key: str) -> Reports:
        expires, reports = self._senders.get(sender_key, (0.0, Reports()))
        return reports if expires > self._clock() else Reports()

    def _renewed(self, sender_key: str) -> Reports:
        """The sender's reports, which now live on."""
        reports = self._reports(sender_key)
        self._senders[sender_key] = (self._clock() + SENDER_TTL_S, reports)
        return reports

    async def _fail(self) -> None:
        if self.fault == "down":
            raise ConnectionError
        if self.fault == "hang":
            await asyncio.Event().wait()
