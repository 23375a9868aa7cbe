"""One suite for every key-value store: the real Redis and the fake that other tests rely on."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.embedded import EmbeddedBackends
from pipeline.breaker import Breaker
from pipeline.clients.redis_store import RedisStore
from pipeline.clients.store import KeyValueStore, MemoryStore

TIMEOUT_S = 0.2  # long enough for a busy machine
ALL = ["get_many", "set_many", "report", "correct", "reputations"]


class Backend(Protocol):
    """A store and the power over the server behind it."""

    store: KeyValueStore
    failures: list[tuple[str, str]]

    def stop(self) -> None: ...
    def start(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


class Fake:
    def __init__(self) -> None:
        self.failures: list[tuple[str, str]] = []
        self.memory = MemoryStore(
            timeout_s=TIMEOUT_S, breaker=_breaker(), on_failure=lambda *failure: self.failures.append(failure)
        )
        self.store: KeyValueStore = self.memory

    def stop(self) -> None:
        self.memory.fault = "down"

    def freeze(self) -> None:
        self.memory.fault = "hang"

    def start(self) -> None:
        self.memory.fault = None

    thaw = start


class Real:
    def __init__(self, backends: EmbeddedBackends) -> None:
        self.failures: list[tuple[str, str]] = []
        self._redis = backends.redis
        self.store: KeyValueStore = RedisStore(
            backends.redis_url,
            timeout_s=TIMEOUT_S,
            breaker=_breaker(),
            on_failure=lambda *failure: self.failures.append(failure),
        )

    def stop(self) -> None:
        self._redis.stop()

    def start(self) -> None:
        self._redis.start()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._redis.pid
        os.kill(self._redis.pid, number)


def _breaker() -> Breaker:
    return Breaker(threshold=3, probe_interval_s=0.05)


@pytest.fixture(params=["memory", "redis"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    made: Backend = Fake() if request.param == "memory" else Real(request.getfixturevalue("backends"))
    yield made
    await made.store.close()


@pytest.fixture
def stopped(backend: Backend) -> Iterator[Backend]:
    backend.stop()
    yield backend
    backend.start()


@pytest.fixture
def frozen(backend: Backend) -> Iterator[Backend]:
    backend.freeze()
    yield backend
    backend.thaw()


def keys(unique: str, count: int) -> list[bytes]:
    return [f"{unique}:{i}".encode() for i in range(count)]


async def use_all(store: KeyValueStore) -> None:
    """Every operation, with the answer it gives when it knows nothing; in no case an exception or a hang."""
    async with asyncio.timeout(5):
        assert await store.get_many([b"a", b"b"]) == [None, None]
        assert await store.set_many({b"a": b"1"}, 60) is None
        assert await store.report("s", "acme", True, 4) is None
        assert await store.correct("s", "acme", False, 4) is None
        assert await store.reputations(["s", "t"]) == [(0, 0), (0, 0)]


async def used_again(store: KeyValueStore, key: bytes) -> None:
    """Return when a value that is written can be read back."""
    async with asyncio.timeout(5):
        while await store.get_many([key]) != [b"back"]:
            await store.set_many({key: b"back"}, 60)
            await asyncio.sleep(0.01)


async def test_values_come_in_the_order_of_the_keys(backend: Backend, unique: str) -> None:
    a, b, c = keys(unique, 3)
    await backend.store.set_many({a: b"1", c: b"3"}, 60)
    assert await backend.store.get_many([c, b, a, c]) == [b"3", None, b"1", b"3"]


async def test_values_are_any_bytes(backend: Backend, unique: str) -> None:
    values = dict(zip(keys(unique, 4), [b"", b"\0\r\n$-1\r\n", bytes(range(256)), b"x" * 100_000], strict=True))
    await backend.store.set_many(values, 60)
    assert await backend.store.get_many(list(values)) == list(values.values())


async def test_a_later_value_replaces_an_earlier_one(backend: Backend, unique: str) -> None:
    (key,) = keys(unique, 1)
    await backend.store.set_many({key: b"1"}, 60)
    await backend.store.set_many({key: b"2"}, 60)
    assert await backend.store.get_many([key]) == [b"2"]


async def test_a_thousand_at_once(backend: Backend, unique: str) -> None:
    values = {key: key for key in keys(unique, 1000)}
    await backend.store.set_many(values, 60)
    assert await backend.store.get_many(list(values)) == list(values)
    assert backend.failures == []


async def test_nothing_asked_nothing_answered(backend: Backend) -> None:
    await backend.store.set_many({}, 60)
    assert await backend.store.get_many([]) == []
    assert await backend.store.reputations([]) == []
    assert backend.failures == []


async def test_values_expire(backend: Backend, unique: str) -> None:
    (key,) = keys(unique, 1)
    await backend.store.set_many({key: b"1"}, 1)
    await asyncio.sleep(1.1)
    assert await backend.store.get_many([key]) == [None]


async def test_reports_are_counted_by_sender(backend: Backend, unique: str) -> None:
    bad, mixed, unknown = f"{unique}-bad", f"{unique}-mixed", f"{unique}-unknown"
    for sender, spam in [(bad, True), (bad, True), (mixed, True), (mixed, False)]:
        await backend.store.report(sender, "acme", spam, 4)
    assert await backend.store.reputations([mixed, unknown, bad]) == [(1, 1), (0, 0), (2, 0)]


async def test_a_report_is_moved_to_the_other_side(backend: Backend, unique: str) -> None:
    for _ in range(3):
        await backend.store.report(unique, "acme", True, 4)
    await backend.store.correct(unique, "acme", False, 4)
    assert await backend.store.reputations([unique]) == [(2, 1)]
    await backend.store.correct(unique, "acme", True, 4)
    assert await backend.store.reputations([unique]) == [(3, 0)]


async def test_a_correction_of_what_was_never_reported_does_nothing(backend: Backend, unique: str) -> None:
    await backend.store.correct(unique, "acme", True, 4)
    assert await backend.store.reputations([unique]) == [(0, 0)]
    await backend.store.report(unique, "acme", True, 4)
    await backend.store.correct(unique, "acme", True, 4)
    assert await backend.store.reputations([unique]) == [(1, 0)], "what was said once counts once"


async def test_of_one_tenant_so_many_reports_count_each_way(backend: Backend, unique: str) -> None:
    for spam, count in ((True, 7), (False, 5)):
        for _ in range(count):
            await backend.store.report(unique, "acme", spam, 4)
    assert await backend.store.reputations([unique]) == [(4, 4)]
    for _ in range(2):
        await backend.store.report(unique, "other", True, 4)
    assert await backend.store.reputations([unique]) == [(6, 4)]


async def test_a_correction_of_what_did_not_count_takes_nothing_from_what_did(backend: Backend, unique: str) -> None:
    for _ in range(5):
        await backend.store.report(unique, "acme", True, 4)
    await backend.store.correct(unique, "acme", False, 4)
    assert await backend.store.reputations([unique]) == [(4, 1)]
    await backend.store.correct(unique, "acme", False, 4)
    assert await backend.store.reputations([unique]) == [(3, 2)]


async def test_a_tenant_corrects_its_own_reports_alone(backend: Backend, unique: str) -> None:
    await backend.store.report(unique, "acme", True, 4)
    await backend.store.correct(unique, "other", False, 4)
    assert await backend.store.reputations([unique]) == [(1, 0)]


async def test_reports_at_once_are_all_counted(backend: Backend, unique: str) -> None:
    tenants = [f"t{i}" for i in range(5)] * 8
    await asyncio.gather(*(backend.store.report(unique, tenant, True, 4) for tenant in tenants))
    assert await backend.store.reputations([unique]) == [(20, 0)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["report", "correct"]), st.sampled_from(["a", "b"]), st.booleans(), st.integers(1, 3)
        ),
        max_size=25,
    )
)
@settings(max_examples=30)
def test_the_fake_counts_as_redis_does(backends: EmbeddedBackends, said: list[tuple[str, str, bool, int]]) -> None:
    async def counts(store: KeyValueStore, sender: str) -> list[tuple[int, int]]:
        seen = []
        for what, *report in said:
            await getattr(store, what)(sender, *report)
            seen += await store.reputations([sender])
        await store.close()
        return seen

    async def compare() -> None:
        sender = uuid.uuid4().hex
        real = RedisStore(backends.redis_url, timeout_s=TIMEOUT_S)
        assert await counts(real, sender) == await counts(MemoryStore(), sender)

    asyncio.run(compare())


async def test_values_and_reputations_do_not_meet(backend: Backend, unique: str) -> None:
    await backend.store.report(unique, "acme", True, 4)
    assert await backend.store.get_many([unique.encode(), f"{unique}:spam".encode()]) == [None, None]


async def test_fifty_callers_at_once_get_each_their_own(backend: Backend, unique: str) -> None:
    values = {key: key for key in keys(unique, 50)}
    await backend.store.set_many(values, 60)
    answers = await asyncio.gather(*(backend.store.get_many([key]) for key in values))
    assert answers == [[key] for key in values]


async def test_a_server_that_is_down_is_an_empty_one(stopped: Backend) -> None:
    await use_all(stopped.store)
    assert [operation for operation, _ in stopped.failures] == ALL
    assert stopped.failures[3] == ("correct", "open"), "after three failures it is left alone"


async def test_a_server_that_hangs_is_an_empty_one(frozen: Backend) -> None:
    await use_all(frozen.store)
    assert [operation for operation, _ in frozen.failures] == ALL
    assert {reason for _, reason in frozen.failures} == {"timeout", "open"}


async def test_a_server_that_comes_back_is_used_again(backend: Backend, unique: str) -> None:
    (key,) = keys(unique, 1)
    await used_again(backend.store, key)
    for lose, regain in [(backend.stop, backend.start), (backend.freeze, backend.thaw)]:
        lose()
        try:
            for _ in range(5):
                await backend.store.get_many([key])
        finally:
            regain()
        await used_again(backend.store, key)


async def test_a_late_answer_is_never_taken_for_the_next_one(backend: Backend, unique: str) -> None:
    old, new = keys(unique, 2)
    await backend.store.set_many({old: b"old", new: b"new"}, 60)
    backend.freeze()
    try:
        assert await backend.store.get_many([old]) == [None]
    finally:
        backend.thaw()
    for _ in range(20):
        assert await backend.store.get_many([new]) == [b"new"]


async def test_a_caller_who_leaves_spoils_nothing(backend: Backend, unique: str) -> None:
    old, new = keys(unique, 2)
    await backend.store.set_many({old: b"old", new: b"new"}, 60)
    leaving = [asyncio.create_task(backend.store.get_many([old])) for _ in range(10)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    assert await backend.store.get_many([new, old]) == [b"new", b"old"]
    assert backend.failures == []
