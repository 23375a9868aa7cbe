"""Ten thousand messages with a secret each: none of the secrets is in what leaves, is logged, raised or counted.

All of them go through the function that writes the request; some hundreds also through the client, Groq's own SDK and
a socket, with every fault that the server knows. A failure names a canary's index and kind, never its text.
"""

import logging
from collections import Counter
from collections.abc import Iterator

import groq
import pytest

from deployments.metrics import count_groq_outcome, count_groq_usage, exposition
from pipeline.breaker import Breaker
from pipeline.clients.groq_intent import GroqIntent
from pipeline.clients.groq_prompt import request_body
from pipeline.redaction import redact
from tests.support.canaries import KINDS, Canary, canaries
from tests.support.groq_server import Fault, GroqServer
from tests.support.sight import look_at

COUNT, SEED = 10_000, 20_260_107
OVER_THE_SOCKET = 480
FAULTS: list[Fault] = ["ok", "429", "500", "401", "bad_request", "garbage", "html", "cut", "wrong_label", "prose"]


@pytest.fixture(scope="module")
def flock() -> list[Canary]:
    return canaries(COUNT, SEED)


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[groq.APIError]]:
    """Every error that the SDK makes, whoever catches it."""
    errors: list[groq.APIError] = []
    make = groq.APIError.__init__

    def listen(self: groq.APIError, *args: object, **options: object) -> None:
        errors.append(self)
        make(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(groq.APIError, "__init__", listen)
    yield errors


def test_there_are_as_many_of_each_kind(flock: list[Canary]) -> None:
    counts = Counter(canary.kind for canary in flock)
    assert sum(counts.values()) == COUNT
    assert set(counts) == set(KINDS) and min(counts.values()) == COUNT // len(KINDS) == 625


def test_each_can_be_seen_before_it_is_redacted(flock: list[Canary]) -> None:
    unseen = [repr(canary) for canary in flock if not canary.survives_in(look_at(f"{canary.sender} {canary.text}"))]
    assert unseen == []
    assert all(canary.is_quoted_in(look_at(f"{canary.text} {canary.sender}")) for canary in flock)


def test_none_is_in_a_redacted_text(flock: list[Canary]) -> None:
    alive = [repr(canary) for canary in flock if canary.survives_in(look_at(redact(canary.text)))]
    assert alive == []


def test_none_is_in_a_request(flock: list[Canary]) -> None:
    alive = [repr(canary) for canary in flock if canary.survives_in(look_at(user_message(canary)))]
    assert alive == []


def user_message(canary: Canary) -> str:
    message: str = request_body("m", canary.text, canary.sender, "json_object")["messages"][-1]["content"]
    return message


async def test_none_is_in_what_a_server_receives_nor_in_logs_errors_or_metrics(
    flock: list[Canary], raised: list[groq.APIError], caplog: pytest.LogCaptureFixture
) -> None:
    some = flock[:OVER_THE_SOCKET]
    async with GroqServer() as server:
        with caplog.at_level(logging.DEBUG):
            for i, fault in enumerate(FAULTS):
                server.fault, server.retry_after_s = fault, 0.001
                await ask(server.url, some[i :: len(FAULTS)])
    records = {record.getMessage() for record in caplog.records} | {record.exc_text or "" for record in caplog.records}
    errors = {f"{error!r} {error} {error.body}" for error in raised}
    assert len(server.requests) >= OVER_THE_SOCKET and len(raised) > OVER_THE_SOCKET // 4 and len(records) > 10
    sent = [look_at(message) for message in server.user_messages()]
    told = [look_at(text) for text in (*records, *errors, exposition().decode(), *map(str, server.requests))]
    alive = [repr(canary) for canary in some if any(map(canary.survives_in, sent))]
    quoted = [repr(canary) for canary in some if any(map(canary.is_quoted_in, told))]
    assert alive == [] and quoted == []


async def ask(url: str, some: list[Canary]) -> None:
    client = GroqIntent(
        "gsk_test",
        base_url=url,
        breaker=Breaker(threshold=10_000),
        on_outcome=count_groq_outcome,
        on_usage=count_groq_usage,
    )
    await client.classify([c.text for c in some], [c.sender for c in some], [20.0] * len(some))
    await client.close()
