"""A local server that speaks Groq's chat completions on the wire, and misbehaves on demand."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from aiohttp import web

from deployments.chat_server import ChatServer
from deployments.groq_wire import Quota, Refused, completion, estimated_usage
from pipeline.types import INTENTS

Fault = Literal[
    "ok",
    "429",
    "500",
    "503",
    "401",
    "bad_request",
    "garbage",  # 200, half of a JSON document
    "html",  # 200, no JSON at all
    "empty",  # 200, no body
    "other_shape",  # 200, JSON of another shape
    "no_choices",
    "null_content",
    "wrong_label",
    "prose",
    "drip",  # a byte every 50 ms
    "hang",  # no answer
    "cut",  # half of the body, then a broken connection
]


class GroqServer(ChatServer):
    """Answers each request with the fault at the head of `faults`, and with `fault` when there is none.

    Where nothing is wrong it writes what `writes` makes of the request: unless that is changed, the label of INTENTS
    that the user message names, else GENERIC_APP_ACTION_OTP. `key` and `quota`: see `ChatServer`.
    """

    def __init__(self, key: str | None = None, quota: Quota | None = None) -> None:
        super().__init__(key, quota)
        self.fault: Fault = "ok"
        self.faults: deque[Fault] = deque()
        self.retry_after_s: float | None = 0.1  #: sent with a 429
        self.delay_s = 0.0  #: before each answer
        self.writes: Callable[[dict[str, Any]], str] = _named_label
        self.usage: tuple[int, int] | None = (230, 14)  #: tokens of each prompt and answer; None: guessed from lengths
        self.requests: list[dict[str, Any]] = []  #: bodies received
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.arrivals: list[float] = []  #: seconds, monotonic
        self.most_at_once = 0
        self._at_once = 0

    def user_messages(self) -> list[str]:
        return [request["messages"][-1]["content"] for request in self.requests]

    async def receive(self, request: web.Request) -> web.StreamResponse:
        self.arrivals.append(time.monotonic())
        self.paths.append(request.path)
        self.headers.append({key.lower(): value for key, value in request.headers.items()})
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await super().receive(request)
        finally:
            self._at_once -= 1

    async def answer(self, request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
        self.requests.append(asked)
        await asyncio.sleep(self.delay_s)
        fault = self.faults.popleft() if self.faults else self.fault
        match fault:
            case "hang":
                await asyncio.sleep(3600)
            case "429":
                raise Refused(429, "Rate limit reached", "tokens", "rate_limit_exceeded", self.retry_after_s)
            case "401":
                raise Refused(401, "Invalid API Key", code="invalid_api_key")
            case "500" | "503":
                raise Refused(int(fault), "Internal Server Error", "internal_server_error")
            case "bad_request":
                raise Refused(400, "Failed to generate JSON.", code="json_validate_failed")
        if (body := _UNREADABLE.get(fault)) is not None:
            return web.Response(text=body, content_type="text/html" if fault == "html" else "application/json")
        content = _CONTENTS[fault] if fault in _CONTENTS else self.writes(asked)
        usage = self.usage or estimated_usage(asked, content or "")
        if fault in ("drip", "cut"):
            return await _slowly(request, completion(asked["model"], content, usage), cut=fault == "cut")
        return self.complete(asked, content, usage)


_UNREADABLE: dict[Fault, str] = {
    "garbage": '{"id": "chatcmpl-',
    "html": "<html>upstream error</html>",
    "empty": "",
    "other_shape": '{"answer": "APP_LOGIN_OTP"}',
    "no_choices": '{"id": "chatcmpl-0123", "object": "chat.completion", "created": 0, "model": "m", "choices": []}',
}
_CONTENTS: dict[Fault, str | None] = {
    "wrong_label": '{"intent": "BINGO_OTP"}',
    "prose": "It is APP_LOGIN_OTP.",
    "null_content": None,
}


def _named_label(asked: dict[str, Any]) -> str:
    words = re.findall(r"[A-Z_]+", asked["messages"][-1]["content"])
    label = next((word for word in words if word in INTENTS), "GENERIC_APP_ACTION_OTP")
    return f'{{"intent": "{label}"}}'


async def _slowly(request: web.Request, answer: dict[str, Any], *, cut: bool) -> web.StreamResponse:
    body = msgspec.json.encode(answer)
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
