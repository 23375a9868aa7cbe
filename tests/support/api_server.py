"""A small server that speaks Winnow's HTTP contract on a loopback socket, on a thread of its own."""

import asyncio
import threading
from collections import deque
from datetime import UTC, datetime
from typing import Any, Self

import msgspec
from aiohttp import web

from deployments.problem import MEDIA_TYPE, item_error, problem_of
from pipeline import changes, wire
from pipeline.classifier import Failed
from pipeline.errors import Conflict, InvalidField, Unauthenticated, Unavailable, WinnowError, http_status
from pipeline.evidence import Bucket, Count
from pipeline.findings import RampFigures, Report, ShadowFigures, report
from pipeline.orders import Listed
from pipeline.ramps import Ramp
from pipeline.routing import Experiment, check_arms
from pipeline.trail import ExperimentChange, Setup, setup_of
from pipeline.trial import Arm, Span, Trial
from pipeline.types import Credit, RuleHit, Verdict

KEY = "winnow_test-key"

_ALARMS = Bucket(Count(2, 500), Count(40, 500))
_TRIAL = Trial(Arm("distilbert/1", Count(0, 9_000), 41.0), Arm("distilbert/2", Count(3, 1_000)))
REPORT: Report = msgspec.structs.replace(
    report("spam", _TRIAL.control, [_TRIAL.add(Span(false_alarms=_ALARMS))]),
    ramp=RampFigures("distilbert/2", [0.01, 0.25, 1.0], 1, 1.7e9, "999 of 1000 messages at 25% of the traffic"),
    shadows=[ShadowFigures("distilbert/3", 1_200, 4, 17, 3)],
)


class ApiServer:
    """Spam is what says "prize", a one-time password what says "code"; the first sight of a text is a cache miss.

    `faults` are used up one a request: "reset" closes the connection, "html" answers a proxy's bare 503, "foreign"
    answers as another service would, "busy" refuses in Ray Serve's words, a `WinnowError` is answered as such;
    "lost" does what was asked and closes the connection.

    There is one experiment, of whatever task the path names, from which a rollback leads to distilbert/0.
    """

    def __init__(self) -> None:
        self.faults: deque[str | WinnowError] = deque()
        self.requests: list[tuple[str, str, Any]] = []  #: method, path, decoded body
        self.seen: set[str] = set()
        self.url = ""
        self.experiment = changes.put(changes.nothing("spam", "salt"), Setup({"distilbert/1": 1.0}))
        self.states: deque[dict[str, str]] = deque()  #: what versions lack, one a listing; then all are ready
        self.trail: list[ExperimentChange] = []
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
        self.requests.append((request.method, request.path, msgspec.json.decode(body) if body else dict(request.query)))
        try:
            if self.faults and self.faults[0] != "lost":
                return self._fail(self.faults.popleft(), request)
            if request.headers.get("Authorization") != f"Bearer {KEY}":
                raise Unauthenticated("the key is unknown or revoked")
            answer = self._answer(request.method, request.path, body, dict(request.query))
            if self.faults:
                return self._fail(self.faults.popleft(), request)
            return _json(answer, 202 if "feedback" in request.path else 200)
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

    def _answer(self, method: str, path: str, body: bytes, query: dict[str, str]) -> Any:
        match method, path:
            case "POST", "/v1/classify":
                return self._verdict(wire.parse_classify(body))
            case "POST", "/v1/classify/batch":
                return {"results": [self._item(asked) for asked in wire.parse_batch(body, 1000)]}
            case "POST", "/v1/feedback":
                return {"status": "stored", "credited_to": wire.parse_feedback(body).receipt}
            case "GET", "/v1/models":
                facts = {"kind": "distilbert", "created": "2025-01-01", "description": "", "metrics": {}}
                return {"models": [{"ref": "distilbert/1", **facts}]}
            case _ if path.startswith("/v1/experiments"):
                return self._experiments(method, path.removeprefix("/v1/experiments").rpartition("/")[2], body, query)
            case _:
                raise Unavailable

    def _experiments(self, method: str, last: str, body: bytes, query: dict[str, str]) -> Any:
        match method, last:
            case "GET", "":
                return {"experiments": [self._listed()] if self.experiment.arms else []}
            case "GET", "history":
                return {"changes": self.trail[: int(query["limit"])]}
            case "GET", "report":
                return REPORT
            case "DELETE", _:
                revision = int(query["revision"]) if "revision" in query else None
                return self._change("end", revision, query["why"], changes.end(self.experiment))
            case "POST", "promote":
                promoted = wire.parse_promote(body)
                new = changes.promote(self.experiment, promoted.version)
                return self._change("promote", promoted.revision, promoted.why, new)
            case "POST", "rollback":
                back = wire.parse_rollback(body)
                return self._change(
                    "rollback", back.revision, back.why, changes.rollback(self.experiment, "distilbert/0")
                )
            case "POST", "ramp":
                asked = wire.parse_ramp(body)
                ramp = Ramp(asked.version, asked.steps, asked.limits)
                new = changes.start_ramp(self.experiment, ramp, sticky_by=asked.sticky_by)
                return self._change("ramp", asked.revision, asked.why, new)
            case _:
                return self._put(wire.parse_experiment(body))

    def _put(self, asked: wire.ExperimentRequest) -> Experiment:
        if unknown := [ref for ref in asked.arms if not ref.startswith("distilbert/")]:
            raise InvalidField("there is no such version", field=f"$.arms['{unknown[0]}']")
        check_arms(asked.arms, asked.shadow)
        setup = Setup(asked.arms, asked.sticky_by, asked.shadow, asked.control or "")
        return self._change("set", asked.revision, asked.why, changes.put(self.experiment, setup))

    def _change(self, act: Any, revision: int | None, why: str, new: Experiment) -> Experiment:
        old = self.experiment
        if revision not in (None, old.revision):
            raise Conflict(f"the experiment is at revision {old.revision}, not {revision}")
        when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.trail.insert(0, ExperimentChange(new.revision, when, "key_1", why, setup_of(old), setup_of(new), act))
        self.experiment = new
        return new

    def _listed(self) -> Listed:
        named = (*self.experiment.arms, *self.experiment.shadow)
        states = dict.fromkeys(named, "ready") | (self.states.popleft() if self.states else {})
        return Listed(**msgspec.structs.asdict(self.experiment), states=states)

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
            experiment={"spam": Credit("distilbert/1", self.experiment.revision)},
            cache="memory" if cached else "miss",
            degraded=(),
            receipt="r.1",
        )


def _json(value: Any, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
