"""One real server for the whole suite: Ray Serve, HAProxy, Postgres, Redis, and a Groq server on a socket."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deployments.embedded import EmbeddedRedis
from tests.support.groq_server import GroqServer
from tests.support.server import Server

#: Without chance: an audited message is scored by all models, now and then.
UNAUDITED = {"args": {"cascade": {"audit_rate": 0.0}}}


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A Redis that tests may stop and start."""
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def groq() -> Iterator[GroqServer]:
    with in_thread(GroqServer()) as server:
        yield server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, redis: EmbeddedRedis, groq: GroqServer) -> Iterator[Server]:
    environment = {"REDIS_URL": redis.url, "GROQ_API_KEY": "test", "GROQ_BASE_URL": groq.url}
    with Server(tmp_path_factory.mktemp("server") / "home", UNAUDITED, environment) as running:
        yield running


@contextmanager
def in_thread(server: GroqServer) -> Iterator[GroqServer]:
    """An asyncio server on a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
        asyncio.run_coroutine_threadsafe(_cancel_rest(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def _cancel_rest() -> None:
    """Requests that were told to hang are still waiting."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
