"""When a caller asks again, and what is told of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from loadtests.rollout.wire import ask


@asynccontextmanager
async def server(statuses: Sequence[int]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers with these in turn; 0 hangs up. Yields its address and what it was sent."""
    bodies: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        status = statuses[len(bodies) - 1]
        if not status and request.transport:
            request.transport.abort()
        return web.json_response({"n": len(bodies)}, status=status or 200, headers={"Retry-After": "0"})

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", bodies
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("statuses", "tries", "answered", "first"),
    [
        ([200], 1, True, ""),
        ([202], 1, True, ""),
        ([422], 1, False, ""),
        ([503, 200], 2, True, "status 503"),
        ([429, 200], 2, True, "status 429"),
        ([0, 200], 2, True, "connection lost"),
        ([500, 500, 200], 2, False, "status 500"),
        ([0, 0, 200], 2, False, "connection lost"),
    ],
)
async def test_one_more_try_and_no_more(statuses: list[int], tries: int, answered: bool, first: str) -> None:
    async with server(statuses) as (url, bodies), aiohttp.ClientSession() as session:
        reply = await ask(session, url, {"text": "a"})
    assert bodies == [b'{"text":"a"}'] * tries
    assert (reply.answered, reply.first) == (answered, first)
    assert reply.body == ({"n": tries} if answered else None)


async def test_the_clock_of_a_verdict_is_that_of_the_last_try_and_latency_that_of_both() -> None:
    async with server([503, 200]) as (url, _), aiohttp.ClientSession() as session:
        twice = await ask(session, url, {})
    async with server([200]) as (url, _), aiohttp.ClientSession() as session:
        once = await ask(session, url, {})
    assert twice.asked_at < once.asked_at
    assert twice.seconds > 0.0


async def test_where_nobody_listens_there_is_no_answer() -> None:
    async with server([]) as (url, _):
        pass
    async with aiohttp.ClientSession() as session:
        reply = await ask(session, url, {})
    assert (reply.status, reply.first, reply.answered) == (0, "connection lost", False)
