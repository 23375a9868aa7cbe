"""The wire server, seen by Groq's own SDK and by plain HTTP."""

import groq
import httpx
import pytest

from deployments.groq_wire import Quota
from tests.support.groq_server import Fault, GroqServer

ASKED = [{"role": "user", "content": "APP_LOGIN_OTP, as JSON"}]


async def ask(server: GroqServer, key: str = "gsk_right") -> str | None:
    async with groq.AsyncGroq(api_key=key, base_url=server.url, max_retries=0, timeout=2.0) as client:
        answer = await client.chat.completions.create(
            model="llama-3.1-8b-instant",
            messages=ASKED,  # type: ignore[arg-type]
            response_format={"type": "json_object"},
        )
    return answer.choices[0].message.content


async def test_the_right_key_gets_an_answer_and_a_wrong_one_none() -> None:
    async with GroqServer(key="gsk_right") as server:
        assert await ask(server) == '{"intent": "APP_LOGIN_OTP"}'
        with pytest.raises(groq.AuthenticationError):
            await ask(server, "gsk_wrong")
        assert (len(server.arrivals), len(server.requests)) == (2, 1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("401", groq.AuthenticationError),
        ("429", groq.RateLimitError),
        ("500", groq.InternalServerError),
        ("503", groq.InternalServerError),
        ("bad_request", groq.BadRequestError),
        ("cut", groq.APIConnectionError),
        ("drip", groq.APITimeoutError),
        ("hang", groq.APITimeoutError),
    ],
)
async def test_each_fault_is_the_error_that_the_sdk_knows(fault: Fault, error: type[Exception]) -> None:
    async with GroqServer() as server:
        server.fault = fault
        async with groq.AsyncGroq(api_key="k", base_url=server.url, max_retries=0, timeout=0.3) as client:
            with pytest.raises(error):
                # A time limit for each read alone would never end a drip.
                await client.chat.completions.create(
                    model="m", messages=ASKED, timeout=0.04 if fault == "drip" else 0.3
                )  # type: ignore[arg-type]


async def test_a_quota_is_kept_and_told() -> None:
    async with GroqServer(quota=Quota(requests_per_minute=1)) as server:
        assert await ask(server)
        with pytest.raises(groq.RateLimitError) as refused:
            await ask(server)
        assert 1 <= int(refused.value.response.headers["retry-after"]) <= 60
        assert refused.value.response.headers["x-ratelimit-remaining-requests"] == "14399"
        assert refused.value.response.headers["x-ratelimit-reset-tokens"].endswith("s")


async def test_answers_carry_the_limits_and_other_addresses_are_unknown() -> None:
    async with GroqServer() as server, httpx.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": "Bearer k"}
        body = {"model": "m", "messages": ASKED}
        found = await client.post(f"{server.url}/openai/v1/chat/completions", headers=headers, json=body)
        assert (found.status_code, found.json()["usage"]["prompt_tokens"]) == (200, 230)
        assert {name for name in found.headers if name.startswith("x-ratelimit")} == {
            f"x-ratelimit-{what}-{kind}" for what in ("limit", "remaining", "reset") for kind in ("requests", "tokens")
        }
        missing = await client.post(f"{server.url}/chat/completions", headers=headers, json=body)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "unknown_url")
