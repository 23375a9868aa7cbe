"""The generator against a small HTTP server of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from loadtests.bench.generator import arrivals, run, wrong_with
from loadtests.bench.load import Plan, timing

GOOD = b'{"spam_score":0.25}'


def answer(status: int = 200, body: bytes = GOOD, *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in (*fields, f"content-length: {len(body)}"))
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body


@asynccontextmanager
async def server(reply: Callable[[int], bytes | None], chunk: int = 1 << 16) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answers the n-th request with `reply(n)`, in pieces of `chunk` bytes; None hangs up. Yields port and bodies."""
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                bodies.append(await reader.readexactly(length))
                raw = reply(len(bodies) - 1)
                if raw is None:
                    return
                for start in range(0, len(raw), chunk):
                    writer.write(raw[start : start + chunk])
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1], bodies
    finally:
        listening.close()


def plan(port: int, count: int, connections: int = 4, rate: float | None = None, **more: object) -> Plan:
    bodies = [f'{{"text":"{number}"}}' for number in range(count)]
    return Plan(port=port, path="/", bodies=bodies, connections=connections, rate=rate, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [None, 2_000.0])
async def test_every_body_is_sent_once_and_counted(rate: float | None) -> None:
    async with server(lambda _: answer()) as (port, bodies):
        asked = plan(port, 50, rate=rate)
        result = await run(asked)
    assert sorted(bodies) == sorted(body.encode() for body in asked.bodies)
    assert result.answered == result.requests == 50
    assert result.errors == {}
    assert 1 <= result.connections <= 4
    assert result.from_send["200"].count == 50
    assert result.from_send["200"].p99 <= result.accepted.p99


async def test_answers_may_come_byte_by_byte() -> None:
    async with server(lambda _: answer(), chunk=1) as (port, _):
        result = await run(plan(port, 6, connections=2))
    assert (result.answered, result.errors) == (6, {})


@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
async def test_answers_may_be_chunked(chunk: int) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + GOOD[:5] + b"\r\ne\r\n" + GOOD[5:]
    async with server(lambda _: raw + b"\r\n0\r\n\r\n", chunk) as (port, _):
        result = await run(plan(port, 6, connections=2))
    assert (result.answered, result.errors) == (6, {})


async def test_refusals_are_told_by_status_and_by_retry_after() -> None:
    def reply(number: int) -> bytes:
        if number % 3 == 0:
            return answer(429, b"{}", "Retry-After: 1")
        return answer(503, b"{}") if number % 3 == 1 else answer()

    async with server(reply) as (port, _):
        result = await run(plan(port, 30))
    assert {status: each.count for status, each in result.timings.items()} == {"200": 10, "429": 10, "503": 10}
    assert result.retry_after == {"429": 10}
    assert result.errors == {}


async def test_a_lost_connection_is_an_error_and_the_rest_goes_on() -> None:
    async with server(lambda number: None if number == 3 else answer()) as (port, _):
        result = await run(plan(port, 20, connections=2))
    assert result.answered == 19
    assert result.errors == {"connection lost": 1}


async def test_a_server_may_close_after_an_answer() -> None:
    async with server(lambda _: answer(200, GOOD, "Connection: close")) as (port, _):
        result = await run(plan(port, 12, connections=3))
    assert (result.answered, result.errors) == (12, {})


async def test_silence_is_an_error() -> None:
    async with server(lambda _: b"HTTP/1.1 200 OK\r\n") as (port, _):
        result = await run(plan(port, 3, connections=3, patience_s=0.2))
    assert (result.answered, result.errors) == (0, {"unanswered": 3})


async def test_nobody_listens() -> None:
    async with server(lambda _: answer()) as (port, _):
        pass
    result = await run(plan(port, 1, connections=1))
    assert result.answered == 0
    assert "ConnectionRefusedError" in result.errors


async def test_an_answer_that_says_something_else_is_an_error() -> None:
    async with server(lambda number: answer(200, b'{"spam_score":1.5}' if number == 0 else b"{}")) as (port, _):
        result = await run(plan(port, 2, connections=1, samples=1))
    assert result.errors == {"spam_score outside 0 to 1": 1, "answer without what it should say": 1}


async def test_an_open_loop_keeps_its_schedule_while_answers_are_slow() -> None:
    held = asyncio.Event()
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            if head.startswith(b"POST"):
                asked.append(head)
                if len(asked) == 8:
                    held.set()  # no answer before all have asked: a closed loop of fewer connections would hang
                await held.wait()
                writer.write(answer())
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    result = await run(plan(listening.sockets[0].getsockname()[1], 8, connections=8, rate=1_000.0))
    listening.close()
    assert (result.answered, result.connections, result.errors) == (8, 8, {})


def test_arrivals_are_poisson_and_reproducible() -> None:
    asked = plan(1, 20_000, rate=100.0)
    times = arrivals(asked)
    gaps = [later - sooner for sooner, later in zip([0.0, *times], times, strict=False)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert times == arrivals(asked)
    assert mean == pytest.approx(0.01, rel=0.05)
    assert variance == pytest.approx(0.01**2, rel=0.1)  # of an exponential gap


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b'{"spam_score":0.5,"status":"complete"}', ""),
        (b'{"results":[{"spam_score":0.5,"status":"complete"},{"spam_score":1,"status":"complete"}]}', ""),
        (b'{"spam_score":0.5,"status":"degraded"}', "verdict that is not complete"),
        (b'{"results":[{"error":{}}]}', "answer without a spam_score"),
        (b"[0.5]", "answer without a spam_score"),
        (b"not JSON", "answer without a spam_score"),
        (b'{"spam_score":null,"status":"complete"}', "spam_score outside 0 to 1"),
    ],
)
def test_samples_are_read(body: bytes, wrong: str) -> None:
    assert wrong_with(body, plan(1, 1, complete=True)) == wrong


def test_percentiles_are_those_of_the_nearest_rank() -> None:
    found = timing([number / 1000 for number in range(100, 0, -1)])
    assert (found.count, found.p50, found.p95, found.p99) == pytest.approx((100, 50, 95, 99))
    assert timing([0.004]).p99 == pytest.approx(4)
