import json

import pytest
from groq.types.chat import ChatCompletion

from deployments.groq_wire import Quota, Refused, completion, duration, estimated_usage, read, unknown_url

ASKED = {"model": "m", "messages": [{"role": "system", "content": "Answer with JSON"}, {"role": "user", "content": ""}]}
HEADERS = {"Authorization": "Bearer gsk_right"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def body(**changes: object) -> bytes:
    return json.dumps({**ASKED, **changes}).encode()


def test_a_request_is_read_whole() -> None:
    assert read(body(temperature=0), HEADERS, "gsk_right") == {**ASKED, "temperature": 0}
    assert read(body(), HEADERS, None) == ASKED


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer gsk_wrong"}, {"Authorization": "Basic gsk_right"}])
def test_a_wrong_key_is_refused(header: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        read(body(), header, "gsk_right")
    assert refused.value.status == 401
    assert refused.value.body["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"[]",
        b'{"model": "m"}',
        body(messages="hello"),
        body(messages=[{"role": "user", "content": "hello"}], response_format={"type": "json_object"}),
        body(model="llama-3.1-8b-instant", response_format={"type": "json_schema"}),
    ],
)
def test_a_request_that_is_none_is_refused(sent: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read(sent, HEADERS, None)
    assert (refused.value.status, refused.value.body["error"]["type"]) == (400, "invalid_request_error")


def test_formats_that_the_model_has_are_taken() -> None:
    read(body(response_format={"type": "json_object"}), HEADERS, None)
    read(body(model="openai/gpt-oss-20b", response_format={"type": "json_schema"}), HEADERS, None)


def test_another_address_is_unknown() -> None:
    assert (unknown_url("POST", "/v2").status, unknown_url("POST", "/v2").body["error"]["code"]) == (404, "unknown_url")


def test_the_sdk_reads_a_completion() -> None:
    found = ChatCompletion.model_validate(completion("m", "content", (230, 14)), strict=True)
    assert found.usage is not None
    assert (found.choices[0].message.content, found.choices[0].finish_reason) == ("content", "stop")
    assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.total_tokens) == (230, 14, 244)


def test_longer_prompts_cost_more_tokens() -> None:
    assert estimated_usage(ASKED, "x" * 40) == (4, 10)


def test_each_limit_refuses_and_says_when_to_come_again() -> None:
    clock = Clock()
    quota = Quota(requests_per_minute=3, requests_per_day=4, tokens_per_minute=1_000, clock=clock)
    for _ in range(3):
        quota.take("m", 10)
    with pytest.raises(Refused, match=r"\(RPM\): Limit 3, Used 3, Requested 1. Please try again in 20s") as refused:
        quota.take("m", 10)
    assert (refused.value.status, refused.value.headers) == (429, {"retry-after": "20"})
    assert refused.value.body["error"]["code"] == "rate_limit_exceeded"
    clock.now = 20.0
    quota.take("m", 10)
    clock.now = 60.0
    with pytest.raises(Refused, match=r"\(RPD\)") as refused:
        quota.take("m", 10)
    assert int(refused.value.headers["retry-after"]) == 86_400 // 4 - 60


def test_tokens_have_a_limit_too() -> None:
    clock = Clock()
    quota = Quota(tokens_per_minute=600, clock=clock)
    quota.take("m", 500)
    with pytest.raises(Refused, match=r"\(TPM\)") as refused:
        quota.take("m", 123)
    assert refused.value.body["error"]["type"] == "tokens"
    assert refused.value.headers == {"retry-after": "3"}
    clock.now = 3.0
    quota.take("m", 123)


def test_what_was_refused_is_not_counted() -> None:
    quota = Quota(requests_per_minute=10, tokens_per_minute=100, clock=Clock())
    quota.take("m", 90)
    with pytest.raises(Refused):
        quota.take("m", 20)
    quota.take("m", 10)
    assert quota.headers()["x-ratelimit-remaining-requests"] == "14398"


def test_headers_tell_of_requests_a_day_and_tokens_a_minute() -> None:
    clock = Clock()
    quota = Quota(clock=clock)
    quota.take("m", 1_200)
    assert quota.headers() == {
        "x-ratelimit-limit-requests": "14400",
        "x-ratelimit-remaining-requests": "14399",
        "x-ratelimit-reset-requests": "6s",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-tokens": "4800",
        "x-ratelimit-reset-tokens": "12s",
    }
    clock.now = 12.0
    assert quota.headers()["x-ratelimit-remaining-tokens"] == "6000"
    assert quota.headers()["x-ratelimit-reset-requests"] == "0ms"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0ms"), (0.12, "120ms"), (7.66, "7.66s"), (179.56, "2m59.56s"), (3601, "1h0m1s"), (7_384.5, "2h3m4.5s")],
)
def test_durations_as_the_headers_write_them(seconds: float, written: str) -> None:
    assert duration(seconds) == written
