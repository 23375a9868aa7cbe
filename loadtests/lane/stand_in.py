"""Plays Groq in a process of its own: well, hanging, failing or refusing, as it is told; keeps what it is sent."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
from aiohttp import web

from configs.settings import ROOT
from deployments.chat_server import ChatServer
from deployments.groq_wire import Refused, estimated_usage
from pipeline.errors import Unavailable

Mood = Literal["healthy", "hanging", "failing", "limiting"]
MOODS: tuple[Mood, ...] = ("healthy", "hanging", "failing", "limiting")
LABEL = "GENERIC_APP_ACTION_OTP"  #: every answer
HEALTHY_S = 0.2  #: before an answer
_FOREVER_S = 86_400.0
_END_S = 10.0


class Call(msgspec.Struct, frozen=True):
    """A request that it received."""

    at: float  #: seconds on the monotonic clock, which all processes of a machine share
    message: str  #: what it was told of the message


class Order(msgspec.Struct, frozen=True):
    """How to be from now on."""

    mood: Mood
    retry_after_s: float


class StandIn(ChatServer):
    """A `ChatServer` with moods."""

    def __init__(self, key: str | None = None) -> None:
        super().__init__(key)
        self.order = Order("healthy", 0.0)
        self.calls: list[Call] = []

    async def answer(self, request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
        self.calls.append(Call(time.monotonic(), str(asked["messages"][-1].get("content"))))
        match self.order.mood:
            case "hanging":
                await asyncio.sleep(_FOREVER_S)
            case "failing":
                raise Refused(500, "Internal Server Error", "internal_server_error")
            case "limiting":
                raise Refused(429, "Rate limit reached", "tokens", "rate_limit_exceeded", self.order.retry_after_s)
        await asyncio.sleep(HEALTHY_S)
        content = f'{{"intent": "{LABEL}"}}'
        return self.complete(asked, content, estimated_usage(asked, content))

    def obey(self, order: Order) -> list[Call]:
        """Change; says what was received since the last change."""
        calls, self.calls, self.order = self.calls, [], order
        return calls


class Remote:
    """A `StandIn` in another process."""

    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self._popen = popen
        self.process_id = popen.pid
        self.url = self._read(str)

    def switch(self, mood: Mood, retry_after_s: float = 0.0) -> list[Call]:
        """`StandIn.obey`."""
        assert self._popen.stdin
        self._popen.stdin.write(msgspec.json.encode(Order(mood, retry_after_s)) + b"\n")
        self._popen.stdin.flush()
        calls: list[Call] = self._read(list[Call])
        return calls

    def _read(self, kind: Any) -> Any:
        assert self._popen.stdout
        line = self._popen.stdout.readline()
        if not line:
            raise Unavailable("the stand-in for Groq has ended")
        return msgspec.json.decode(line, type=kind)


@contextmanager
def standing_in(key: str) -> Iterator[Remote]:
    """Start one that takes this API key; end it after the block."""
    command: Sequence[str] = (sys.executable, "-m", "loadtests.lane.stand_in", key)
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as popen:
        try:
            yield Remote(popen)
        finally:
            popen.terminate()
            popen.wait(_END_S)


async def listen(key: str) -> None:
    """Say the address, then obey one order a line until there are no more."""
    async with StandIn(key) as server:
        _say(server.url)
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            _say(server.obey(msgspec.json.decode(line, type=Order)))


def _say(what: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1]))
