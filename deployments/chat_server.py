"""A loopback server that speaks Groq's chat completions; what it answers is up to whoever inherits from it."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from deployments.groq_wire import Quota, Refused, completion, read, unknown_url

_PLENTY = 1_000_000_000  #: a limit that nobody reaches


_TIMEOUT_S = 30.0  #: to start, to stop


class ChatServer(ABC):
    """Listens on a free port of 127.0.0.1; an async context manager.

    Args:
        key: the API key that it takes; None: any.
        quota: limits that it keeps its callers to; None: none that anybody reaches.
    """

    def __init__(self, key: str | None = None, quota: Quota | None = None) -> None:
        self.url = ""
        self.quota = quota or Quota(requests_per_minute=_PLENTY, requests_per_day=_PLENTY, tokens_per_minute=_PLENTY)
        self._key = key
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        for path in ("/openai/v1/chat/completions", "/v1/chat/completions"):
            app.router.add_post(path, self.receive)
        app.router.add_route("*", "/{path:.*}", self._refuse_path)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner
        await self._runner.cleanup()

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """A request from its first byte to the last one of its answer."""
        try:
            asked = read(await request.read(), request.headers, self._key)
            return await self.answer(request, asked)
        except Refused as refused:
            return self.refuse(refused)

    @abstractmethod
    async def answer(self, request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
        """The answer to a request that is one.

        Raises:
            Refused: this one shall have none.
        """

    def complete(self, asked: dict[str, Any], content: str | None, usage: tuple[int, int]) -> web.Response:
        """A completion, counted.

        Raises:
            Refused: a limit of the quota is reached.
        """
        self.quota.take(asked["model"], sum(usage))
        return web.json_response(completion(asked["model"], content, usage), headers=self.quota.headers())

    def refuse(self, refused: Refused) -> web.Response:
        return web.json_response(
            refused.body, status=refused.status, headers={**self.quota.headers(), **refused.headers}
        )

    async def _refuse_path(self, request: web.Request) -> web.StreamResponse:
        return self.refuse(unknown_url(request.method, request.path))


Server = TypeVar("Server", bound=ChatServer)


@contextmanager
def in_thread(server: Server) -> Iterator[Server]:
    """The server on a loop of its own, for callers without one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=type(server).__name__, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(_TIMEOUT_S)
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(_stop(server), loop).result(_TIMEOUT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_TIMEOUT_S)


async def _stop(server: ChatServer) -> None:
    """Stop it, and whatever still waits in one of its requests."""
    await server.__aexit__(None, None, None)
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
