"""The intent client through Groq's own SDK and a socket, against a server that speaks the wire format."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from pipeline.breaker import Breaker
from pipeline.clients.groq_intent import GroqIntent
from pipeline.types import INTENTS
from tests.support.groq_server import Fault, GroqServer

BROKEN: list[Fault] = ["500", "401", "garbage", "html", "cut"]
UNREADABLE: list[Fault] = ["wrong_label", "prose", "bad_request"]
ENDLESS: list[Fault] = ["drip", "hang"]


@pytest.fixture
async def server() -> AsyncIterator[GroqServer]:
    async with GroqServer() as running:
        yield running


class Lane:
    """A client and what it said of its calls."""

    def __init__(self, url: str, **options: object) -> None:
        self.outcomes: list[str] = []
        self.usage: list[tuple[int, int]] = []
        self.client = GroqIntent(
            "gsk_test",
            base_url=url,
            on_outcome=self.outcomes.append,
            on_usage=lambda *tokens: self.usage.append(tokens),
            **{"breaker": Breaker(threshold=1000), **options},  # type: ignore[arg-type]
        )

    async def ask(self, *texts: str, budget_s: float = 5.0) -> list[str | None]:
        return await self.client.classify(list(texts), ["VM-HDFCBK"] * len(texts), [budget_s] * len(texts))


async def test_each_message_gets_its_label(server: GroqServer) -> None:
    lane = Lane(server.url)
    assert await lane.ask(*INTENTS) == list(INTENTS)
    assert lane.outcomes == ["ok"] * 9
    assert lane.usage == [(230, 14)] * 9
    await lane.client.close()


async def test_nothing_asked_nothing_sent(server: GroqServer) -> None:
    assert await Lane(server.url).client.classify([], [], []) == []
    assert server.requests == []


async def test_the_request_is_what_groq_documents(server: GroqServer) -> None:
    await Lane(server.url).ask("Your code for APP_LOGIN_OTP")
    (request,) = server.requests
    assert server.paths == ["/openai/v1/chat/completions"]
    assert server.headers[0]["authorization"] == "Bearer gsk_test"
    assert request["model"] == "llama-3.1-8b-instant"
    assert request["temperature"] == 0
    assert request["response_format"] == {"type": "json_object"}
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert server.user_messages() == ["[VM-HDFCBK] <sms>\nYour code for APP_LOGIN_OTP\n</sms>"]


async def test_any_server_of_the_protocol_will_do(server: GroqServer) -> None:
    lane = Lane(f"{server.url}/v1", model="local", output="json_schema")
    assert await lane.ask("KYC_OR_ESIGN_OTP") == ["KYC_OR_ESIGN_OTP"]
    assert server.paths == ["/v1/chat/completions"]
    assert server.requests[0]["response_format"]["json_schema"]["schema"]["properties"]["intent"]["enum"] == [*INTENTS]


async def test_codes_do_not_leave_the_house(server: GroqServer) -> None:
    await Lane(server.url).client.classify(["482913 is your OTP for login"], ["+919876543210"], [5.0])
    assert "482913" not in str(server.requests) and "9876543210" not in str(server.requests)


@pytest.mark.parametrize("fault", [*BROKEN, *UNREADABLE])
async def test_a_bad_answer_is_none_and_harms_no_neighbour(server: GroqServer, fault: Fault) -> None:
    server.faults.extend([fault, fault])
    lane = Lane(server.url, max_concurrency=1)
    answers = await lane.ask(*INTENTS)
    assert Counter(answers)[None] in (1, 2) and lane.outcomes.count("ok") == 9 - Counter(answers)[None]
    assert all(answer in (None, label) for answer, label in zip(answers, INTENTS, strict=True))


@pytest.mark.parametrize("fault", ENDLESS)
async def test_an_answer_that_does_not_end_is_none_in_time(server: GroqServer, fault: Fault) -> None:
    server.faults.append(fault)
    lane = Lane(server.url)
    answers = await lane.client.classify(["one"], [""], [0.3])
    assert answers == [None] and lane.outcomes == ["timeout"]
    assert await lane.ask("APP_LOGIN_OTP") == ["APP_LOGIN_OTP"]


async def test_one_slow_message_does_not_hold_the_others_up(server: GroqServer) -> None:
    server.faults.append("hang")
    lane = Lane(server.url)
    answers = await lane.client.classify(["APP_LOGIN_OTP"] * 5, [""] * 5, [0.5] * 5)
    assert Counter(answers) == {None: 1, "APP_LOGIN_OTP": 4}


async def test_a_passing_fault_is_tried_once_more(server: GroqServer) -> None:
    for fault in ("500", "cut"):
        server.requests.clear()
        server.faults.append(fault)
        assert await Lane(server.url).ask("APP_LOGIN_OTP") == ["APP_LOGIN_OTP"]
        assert len(server.requests) == 2


async def test_a_lasting_fault_is_tried_twice_and_no_more(server: GroqServer) -> None:
    server.fault = "500"
    lane = Lane(server.url)
    assert await lane.ask("one") == [None]
    assert len(server.requests) == 2
    assert lane.outcomes == ["InternalServerError"]


async def test_a_refused_key_is_not_tried_again(server: GroqServer) -> None:
    server.fault = "401"
    lane = Lane(server.url)
    assert await lane.ask("one") == [None]
    assert len(server.requests) == 1
    assert lane.outcomes == ["AuthenticationError"]


async def test_it_waits_as_long_as_it_is_asked_to(server: GroqServer) -> None:
    server.retry_after_s = 0.4
    server.faults.append("429")
    assert await Lane(server.url).ask("APP_LOGIN_OTP") == ["APP_LOGIN_OTP"]
    first, second = server.arrivals
    assert second - first >= 0.4


async def test_it_does_not_wait_beyond_the_deadline_and_leaves_the_service_alone_meanwhile(server: GroqServer) -> None:
    server.retry_after_s = 30
    server.faults.append("429")
    lane = Lane(server.url)
    assert await lane.ask("one", budget_s=1.0) == [None]
    assert await lane.ask("two", "three", budget_s=1.0) == [None, None]
    assert lane.outcomes == ["rate_limited"] * 3
    assert len(server.requests) == 1


async def test_a_429_without_a_time_is_respected_too(server: GroqServer) -> None:
    server.retry_after_s = None
    server.faults.append("429")
    lane = Lane(server.url)
    assert await lane.ask("one", budget_s=0.5) == [None]
    assert lane.outcomes == ["rate_limited"] and len(server.requests) == 1


async def test_a_dead_service_is_left_alone_then_probed_then_used(server: GroqServer) -> None:
    server.fault = "500"
    lane = Lane(server.url, breaker=Breaker(threshold=3, probe_interval_s=0.3), max_concurrency=1)
    assert await lane.ask(*["APP_LOGIN_OTP"] * 6) == [None] * 6
    assert lane.outcomes[1:] == ["open"] * 5 and len(server.requests) == 3
    server.fault = "ok"
    await asyncio.sleep(0.35)
    assert await lane.ask(*["APP_LOGIN_OTP"] * 2) == ["APP_LOGIN_OTP"] * 2


@pytest.mark.parametrize("fault", ["500", "cut", "hang"])
async def test_an_open_breaker_lets_one_request_through_an_interval(server: GroqServer, fault: Fault) -> None:
    breaker = Breaker(threshold=1, probe_interval_s=0.3)
    lane, loop = Lane(server.url, breaker=breaker, patience_s=0.05), asyncio.get_running_loop()
    await lane.ask("APP_LOGIN_OTP")
    server.fault = fault
    await lane.ask("first", budget_s=1.0)
    assert breaker.state == "open"
    opened, sent = loop.time(), len(server.requests)
    while loop.time() < opened + 1.5:
        await lane.ask(*["one", "two", "three"] * 5, budget_s=0.5)
        await asyncio.sleep(0.01)
    assert 1 <= len(server.requests) - sent <= (loop.time() - opened) / 0.3 + 1


async def test_waits_for_our_own_slots_do_not_speak_against_the_service(server: GroqServer) -> None:
    server.delay_s = 1.0
    breaker = Breaker(threshold=1)
    lane = Lane(server.url, max_concurrency=1, breaker=breaker, patience_s=0.0)
    answers = await lane.client.classify(["APP_LOGIN_OTP"] * 3, [""] * 3, [10.0, 0.2, 0.2])
    assert answers == ["APP_LOGIN_OTP", None, None]
    assert sorted(lane.outcomes) == ["busy", "busy", "ok"]
    assert breaker.state == "closed"


async def test_the_second_attempt_ends_with_the_deadline_of_the_first(server: GroqServer) -> None:
    lane = Lane(server.url)
    await lane.ask("APP_LOGIN_OTP")
    server.faults.extend(["500", "hang"])
    assert await lane.ask("one", budget_s=1.0) == [None]
    assert lane.outcomes == ["ok", "timeout"] and len(server.requests) == 3


async def test_short_budgets_do_not_speak_against_the_service(server: GroqServer) -> None:
    server.delay_s = 0.2
    lane = Lane(server.url, breaker=Breaker(threshold=1), patience_s=5.0)
    assert await lane.ask("one", budget_s=0.05) == [None]
    assert await lane.ask("APP_LOGIN_OTP") == ["APP_LOGIN_OTP"]


async def test_what_the_model_writes_does_not_speak_against_the_service(server: GroqServer) -> None:
    server.faults.extend(UNREADABLE)
    lane = Lane(server.url, breaker=Breaker(threshold=1), max_concurrency=1)
    assert await lane.ask("one", "two", "three", "APP_LOGIN_OTP") == [None, None, None, "APP_LOGIN_OTP"]
    assert lane.outcomes == ["invalid", "invalid", "BadRequestError", "ok"]


async def test_no_more_requests_at_once_than_allowed(server: GroqServer) -> None:
    server.delay_s = 0.05
    lane = Lane(server.url, max_concurrency=3)
    await lane.ask(*["APP_LOGIN_OTP"] * 12)
    assert server.most_at_once == 3


async def test_nobody_there(unused_tcp_port: int) -> None:
    lane = Lane(f"http://127.0.0.1:{unused_tcp_port}")
    assert await lane.ask("one") == [None]
    assert lane.outcomes == ["APIConnectionError"]


async def test_no_text_reaches_the_log(server: GroqServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for fault in [None, *BROKEN, *UNREADABLE]:
            server.faults.extend([fault] if fault else [])
            await Lane(server.url).ask("Zebediah, your OTP is on its way")
    assert len(server.requests) > 8
    assert "Zebediah" not in caplog.text
