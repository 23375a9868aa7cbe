"""Of what is secret in a message nothing stays: in Redis, logs, metrics, errors, or with the language model."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

from deployments.embedded import EmbeddedRedis
from tests.support.groq_server import GroqServer
from tests.support.server import Server

SECRETS = ("739204", "Zephyrine", "4556737586899855", "k7Qx9Lm2", "zeph.oakes@mail.example")
TEXT = (
    "Dear Zephyrine, {code} is your OTP to pay with card 4556737586899855 at {shop}. "
    "Not you? https://pay.example/t/k7Qx9Lm2 or zeph.oakes@mail.example"
)


def texts() -> Iterator[str]:
    for code in ("739204", "7 3 9 2 0 4", "７３９２０４", "73-92-04"):
        yield TEXT.format(code=code, shop=uuid.uuid4().hex)


def files(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()


def traces(raw: bytes) -> list[str]:
    return [secret for secret in SECRETS if secret.encode() in raw]


def test_nothing_of_a_message_stays_behind(server: Server, redis: EmbeddedRedis, groq: GroqServer):
    groq.fault = "ok"
    for mode in ("auto", "async", "local"):
        for text in texts():
            assert server.classify(text, intent=mode)["is_otp"] is not None
    for text in texts():  # refused, so that errors have something to quote
        status, problem, _ = server.request("POST", "/v1/classify", {"text": text, "policy": text})
        assert status == 422
        assert traces(repr(problem).encode()) == []
    assert groq.requests, "the language model was asked"
    assert [found for body in groq.user_messages() if (found := traces(body.encode()))] == []
    assert traces(server.request("GET", "/metrics")[1].encode()) == []
    assert [found for raw in files(Path(server.state["logs"])) if (found := traces(raw))] == []
    assert traces(server.output.encode()) == []
    assert [found for raw in redis_values(redis) if (found := traces(raw))] == []


def redis_values(redis: EmbeddedRedis) -> list[bytes]:
    """Every key and value."""
    from redis.asyncio import Redis

    async def read() -> list[bytes]:
        async with Redis.from_url(redis.url) as client:
            keys = [key async for key in client.scan_iter(count=1000)]
            kinds = [await client.type(key) for key in keys]
            plain = [key for key, kind in zip(keys, kinds, strict=True) if kind == b"string"]
            hashes = [key for key, kind in zip(keys, kinds, strict=True) if kind == b"hash"]
            values = await client.mget(plain) if plain else []
            fields = [repr(await client.hgetall(key)).encode() for key in hashes]
            return [*keys, *(value for value in values if value), *fields]

    found = asyncio.run(read())
    assert found, "there is something to look through"
    return found
