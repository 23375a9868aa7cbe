"""A small server that speaks Winnow's HTTP contract on a loopback socket, on a thread of its own."""

import asyncio
import threading
from collections import deque
from typing import Any, Self

import msgspec
from aiohttp import web

from deployments.problem import MEDIA_TYPE, item_error, problem_of
from pipeline import wire
from pipeline.classifier import Failed
from pipeline.errors import Conflict, InvalidField, Unauthenticated, Unavailable, WinnowError, http_status
from pipeline.routing import Experiment
from pipeline.types import RuleHit, Verdict

KEY = "winnow_test-key"


class ApiServer:
    """Spam is what says "prize", a one-time password what says "code"; the first sight of a text is a cache miss.

    `faults` are used up one a request: "reset" closes the connection, "html" answers a proxy's bare 503, "foreign"
    answers as another service would, "busy" refuses in Ray Serve's words, a `WinnowError` is answered as such.
    """

    def __init__(self) -> None:
        self.faults: deque[str | WinnowError] = deque()
        self.requests: list[tuple[str, str, Any]] = []  #: method, path, decoded body
        self.seen: set[str] = set()
        self.url = ""
        self.arms = {"distilbert/1": 1.0}  #: of the experiment; empty: there is none
        self._revision = 1
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def bodies(self, path: str) -> list[Any]:
        return [body for _, asked, body in self.requests if asked == path]

    async def _start(self) -> None:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append((request.method, request.path, msgspec.json.decode(body) if body else None))
        try:
            if self.faults:
                return self._fail(self.faults.popleft(), request)
            if request.headers.get("Authorization") != f"Bearer {KEY}":
                raise Unauthenticated("the key is unknown or revoked")
            return _json(self._answer(request.method, request.path, body), 202 if "feedback" in request.path else 200)
        except WinnowError as error:
            headers = {} if error.retry_after_s is None else {"Retry-After": str(int(error.retry_after_s))}
            content = msgspec.json.encode(problem_of(error))
            return web.Response(body=content, status=http_status(error), headers=headers, content_type=MEDIA_TYPE)

    def _fail(self, fault: str | WinnowError, request: web.Request) -> web.StreamResponse:
        if isinstance(fault, WinnowError):
            raise fault
        if fault == "html":
            return web.Response(text="<html>no server is available</html>", status=503, content_type="text/html")
        if fault == "busy":
            return web.Response(text="Request dropped due to backpressure", status=429, headers={"Retry-After": "60"})
        if fault == "foreign":
            return web.Response(text="hello, I am another service")
        assert request.transport
        request.transport.abort()
        return web.Response()

    def _answer(self, method: str, path: str, body: bytes) -> Any:
        match method, path:
            case "POST", "/v1/classify":
                return self._verdict(wire.parse_classify(body))
            case "POST", "/v1/classify/batch":
                return {"results": [self._item(asked) for asked in wire.parse_batch(body, 1000)]}
            case "POST", "/v1/feedback":
                return {"status": "stored", "credited_to": wire.parse_feedback(body).receipt}
            case "GET", "/v1/experiments":
                return {"experiments": [self._experiment("spam")] if self.arms else []}
            case "PUT", _:
                return self._change(path.rsplit("/", 1)[-1], wire.parse_experiment(body))
            case "GET", "/v1/models":
                facts = {"kind": "distilbert", "created": "2025-01-01", "description": "", "metrics": {}}
                return {"models": [{"ref": "distilbert/1", **facts}]}
            case _:
                raise Unavailable

    def _item(self, asked: wire.ClassifyRequest | wire.BadItem) -> Any:
        if isinstance(asked, wire.BadItem):
            return item_error(Failed(asked.message_id, asked.error))
        try:
            return self._verdict(asked)
        except WinnowError as error:
            return item_error(Failed(asked.message_id, error))

    def _verdict(self, asked: wire.ClassifyRequest) -> Verdict:
        wire.check_text(asked.text, 10_000)
        spam, otp = "prize" in asked.text, "code" in asked.text
        cached = asked.text in self.seen
        self.seen.add(asked.text)
        return Verdict(
            message_id=asked.message_id or "made-up",
            status="complete",
            action="block" if spam else "deliver",
            is_spam=spam,
            spam_score=0.99 if spam else 0.01,
            is_phishing=False,
            phishing_score=0.02,
            is_otp=otp,
            otp_score=0.97 if otp else 0.03,
            otp_intent="APP_LOGIN_OTP" if otp else None,
            intent_source="lightgbm" if otp else "none",
            reasons=(RuleHit("PRIZE", 2.0, "says that one has won"),) if spam else (),
            decided_by="ensemble",
            models={"spam": "distilbert/1"},
            experiment={"task": "spam", "arm": "distilbert/1", "revision": self._revision},
            cache="memory" if cached else "miss",
            degraded=(),
            receipt="r.1",
        )

    def _change(self, task: str, asked: wire.ExperimentRequest) -> Experiment:
        if unknown := [ref for ref in asked.arms if not ref.startswith("distilbert/")]:
            raise InvalidField("there is no such version", field=f"$.arms['{unknown[0]}']")
        if asked.revision not in (None, self._revision):
            raise Conflict(f"the experiment is at revision {self._revision}, not {asked.revision}")
        self.arms, self._revision = asked.arms, self._revision + 1
        return self._experiment(task)

    def _experiment(self, task: str) -> Experiment:
        return Experiment(task, self.arms, "sender", "salt", self._revision)


def _json(value: Any, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
