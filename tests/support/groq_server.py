"""A local server that speaks Groq's chat completions on the wire, and misbehaves on demand."""

import asyncio
import re
import time
from collections import deque
from types import TracebackType
from typing import Any, Literal, Self

import msgspec
from aiohttp import web

from pipeline.types import INTENTS

Fault = Literal[
    "ok", "429", "500", "401", "bad_request", "garbage", "html", "drip", "hang", "cut", "wrong_label", "prose"
]


class GroqServer:
    """Listens on a free port of 127.0.0.1; an async context manager.

    It answers each request with the fault at the head of `faults`, and with `fault` when there is none. The label
    is the one of INTENTS that the user message names, else GENERIC_APP_ACTION_OTP.
    """

    def __init__(self) -> None:
        self.fault: Fault = "ok"
        self.faults: deque[Fault] = deque()
        self.retry_after_s: float | None = 0.1  #: sent with a 429
        self.delay_s = 0.0  #: before each answer
        self.requests: list[dict[str, Any]] = []  #: bodies received
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.arrivals: list[float] = []  #: seconds, monotonic
        self.most_at_once = 0
        self._at_once = 0
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/openai/v1/chat/completions", self._complete)
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner
        await self._runner.cleanup()

    def user_messages(self) -> list[str]:
        return [request["messages"][-1]["content"] for request in self.requests]

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.arrivals.append(time.monotonic())
        self.paths.append(request.path)
        self.headers.append({key.lower(): value for key, value in request.headers.items()})
        asked = msgspec.json.decode(await request.read())
        self.requests.append(asked)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(self.delay_s)
            return await self._answer(request, asked, self.faults.popleft() if self.faults else self.fault)
        finally:
            self._at_once -= 1

    async def _answer(self, request: web.Request, asked: dict[str, Any], fault: Fault) -> web.StreamResponse:
        match fault:
            case "429":
                wait = {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
                return _error(429, "Rate limit reached", "tokens", "rate_limit_exceeded", wait)
            case "500":
                return _error(500, "Internal Server Error", "internal_server_error")
            case "401":
                return _error(401, "Invalid API Key", "invalid_request_error", "invalid_api_key")
            case "bad_request":
                return _error(400, "Failed to generate JSON.", "invalid_request_error", "json_validate_failed")
            case "garbage":
                return web.Response(body=b'{"id": "chatcmpl-', content_type="application/json", headers=_LIMITS)
            case "html":
                return web.Response(text="<html>upstream error</html>", content_type="text/html")
            case "hang":
                await asyncio.sleep(3600)
        content = {"wrong_label": '{"intent": "BINGO_OTP"}', "prose": "It is APP_LOGIN_OTP."}.get(
            fault, f'{{"intent": "{_label(asked["messages"][-1]["content"])}"}}'
        )
        body = msgspec.json.encode(_completion(asked["model"], content))
        if fault in ("drip", "cut"):
            return await _slowly(request, body, cut=fault == "cut")
        return web.Response(body=body, content_type="application/json", headers=_LIMITS)


_LIMITS = {
    "x-ratelimit-limit-requests": "14400",
    "x-ratelimit-limit-tokens": "6000",
    "x-ratelimit-remaining-requests": "14399",
    "x-ratelimit-remaining-tokens": "5700",
    "x-ratelimit-reset-requests": "6s",
    "x-ratelimit-reset-tokens": "3s",
    "x-request-id": "req_0123456789",
}


def _label(message: str) -> str:
    return next((word for word in re.findall(r"[A-Z_]+", message) if word in INTENTS), "GENERIC_APP_ACTION_OTP")


def _completion(model: str, content: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-0123",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "queue_time": 0.02,
            "prompt_tokens": 230,
            "prompt_time": 0.01,
            "completion_tokens": 14,
            "completion_time": 0.02,
            "total_tokens": 244,
            "total_time": 0.03,
        },
        "system_fingerprint": "fp_0123",
        "x_groq": {"id": "req_0123456789"},
    }


def _error(
    status: int, message: str, kind: str, code: str | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    body = {"error": {"message": message, "type": kind} | ({"code": code} if code else {})}
    return web.json_response(body, status=status, headers=_LIMITS | (headers or {}))


async def _slowly(request: web.Request, body: bytes, *, cut: bool) -> web.StreamResponse:
    """A byte every 50 ms, or half of the body and a broken connection."""
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(body))})
    await response.prepare(request)
    if cut:
        await response.write(body[: len(body) // 2])
        assert request.transport
        request.transport.abort()
        return response
    for i in range(len(body)):
        await response.write(body[i : i + 1])
        await asyncio.sleep(0.05)
    return response
