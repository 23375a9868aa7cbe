"""The HTTP contract as routes. Handlers authenticate, decode, call the gateway and encode; nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from deployments import metrics, openapi
from deployments.front import Front, Handler
from deployments.gateway import Gateway
from deployments.openapi import EXAMPLE, operation, ref, responses
from deployments.problem import item_error, on_http_exception, on_unexpected, on_winnow_error
from pipeline import wire
from pipeline.classifier import Failed
from pipeline.directory import Principal, Scope
from pipeline.errors import TooLarge, Unauthenticated, Unavailable, WinnowError, http_status
from pipeline.routing import Experiment
from pipeline.types import Verdict

_encode = msgspec.json.Encoder().encode
_READ = ["GET", "HEAD"]

DESCRIPTION = """Tells for every SMS whether it is spam, phishing or a one-time password, and what the password is for.

Every path under `/v1` asks for `Authorization: Bearer <key>`. Errors are problem details (RFC 9457): `code` is stable
and `field` is the JSON path of what is wrong. A stage that is down is left out and named in `degraded`; the rest
still answers."""


def build_api(gateway: Gateway) -> ASGIApp:
    """The ASGI application of one ingress replica."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await gateway.start()
        try:
            yield
        finally:
            await gateway.stop()

    app = FastAPI(
        title="Winnow",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_exception_handler(WinnowError, on_winnow_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(Exception, on_unexpected)
    openapi.install(app)
    _add_health(app, gateway)
    busy = _add_classification(app, gateway)
    _add_feedback(app, gateway)
    _add_administration(app, gateway)
    return Front(app, busy)


def _add_health(app: FastAPI, gateway: Gateway) -> None:
    @app.api_route("/healthz", methods=_READ, summary="Is the process alive?", tags=["operations"])
    async def healthz() -> Response:
        return _json({"status": "alive"})

    @app.api_route("/readyz", methods=_READ, summary="Has every stage answered a dry run?", tags=["operations"])
    async def readyz() -> Response:
        if gateway.waiting_for:
            raise Unavailable(f"not ready: {gateway.waiting_for}", retry_after_s=1.0)
        return _json({"status": "ready"})

    @app.get("/metrics", summary="Prometheus metrics of this machine's replicas", tags=["operations"])
    async def exposition(request: Request) -> Response:
        _principal(gateway, request, "admin")
        exposed = await asyncio.to_thread(metrics.exposition)  # it reads the files of every replica
        return Response(exposed, media_type=metrics.CONTENT_TYPE)


def _add_classification(app: FastAPI, gateway: Gateway) -> Mapping[str, Handler]:
    """The routes, and their handlers by path."""
    request_limits = gateway.settings.request

    @app.post(
        "/v1/classify",
        summary="Classify one message",
        tags=["classification"],
        **operation("ClassifyRequest", EXAMPLE, ref("Verdict")),
    )
    async def classify(request: Request) -> Response:
        async def work() -> Response:
            principal = _principal(gateway, request, "classify")
            asked = wire.parse_classify(await _body(request, request_limits.body_bytes))
            try:
                verdict = await gateway.classifier.classify(asked, principal)
            except WinnowError as error:
                metrics.count_failure(error.code)
                raise
            metrics.count_verdict(verdict)
            return _json(verdict)

        return await _timed("classify", work)

    @app.post(
        "/v1/classify/batch",
        summary="Classify 1 to 1,000 messages; a bad one fails alone",
        tags=["classification"],
        **operation("BatchRequest", {"messages": [EXAMPLE]}, openapi.BATCH_ANSWER),
    )
    async def classify_batch(request: Request) -> Response:
        async def work() -> Response:
            principal = _principal(gateway, request, "classify")
            body = await _body(request, request_limits.batch_body_bytes)
            asked = wire.parse_batch(body, request_limits.batch_items)
            outcomes = await gateway.classifier.classify_many(asked, principal)
            return _json({"results": [_item(outcome) for outcome in outcomes]})

        return await _timed("batch", work)

    return {"/v1/classify": classify, "/v1/classify/batch": classify_batch}


def _add_feedback(app: FastAPI, gateway: Gateway) -> None:
    @app.post(
        "/v1/feedback",
        summary="Say what a message really was",
        tags=["feedback"],
        **operation("FeedbackRequest", {"receipt": "…", "label": "ham"}, {"type": "object"}, 202),
    )
    async def feedback(request: Request) -> Response:
        principal = _principal(gateway, request, "feedback")
        asked = wire.parse_feedback(await _body(request, gateway.settings.request.body_bytes))
        return _json(await gateway.office.feedback(asked, principal), 202)


def _add_administration(app: FastAPI, gateway: Gateway) -> None:
    most = gateway.settings.request.body_bytes

    @app.get(
        "/v1/experiments",
        summary="Weights in force",
        tags=["administration"],
        responses=responses({"type": "object"}),
    )
    async def experiments(request: Request) -> Response:
        _principal(gateway, request, "admin")
        return _json({"experiments": [_public(each) for each in gateway.directory.experiments]})

    @app.put(
        "/v1/experiments/{task}",
        summary="Change the weights of a task's versions",
        tags=["administration"],
        **operation(
            "ExperimentRequest",
            {"arms": {"distilbert/4": 90, "distilbert/3": 10}, "sticky_by": "sender", "why": "first canary"},
            {"type": "object"},
        ),
    )
    async def put_experiment(task: str, request: Request) -> Response:
        principal = _principal(gateway, request, "admin")
        asked = wire.parse_experiment(await _body(request, most))
        return _json(_public(await gateway.office.change_experiment(task, asked, principal)))

    @app.get(
        "/v1/models",
        summary="Model versions that are loaded",
        tags=["administration"],
        responses=responses({"type": "object"}),
    )
    async def models(request: Request) -> Response:
        _principal(gateway, request, "admin")
        return _json({"models": gateway.office.models()})

    @app.put(
        "/v1/subscribers/{subscriber}/policy",
        summary="Set one subscriber's policy",
        tags=["administration"],
        **operation("PolicyRequest", {"policy": "strict"}, {"type": "object"}),
    )
    async def put_policy(subscriber: str, request: Request) -> Response:
        principal = _principal(gateway, request, "admin")
        asked = wire.parse_policy(await _body(request, most))
        return _json(await gateway.office.set_policy(subscriber, asked.policy, principal))


async def _timed(route: str, work: Callable[[], Awaitable[Response]]) -> Response:
    started = time.perf_counter()
    status = 500
    try:
        response = await work()
        status = response.status_code
        return response
    except WinnowError as error:
        status = http_status(error)
        raise
    except (ClientDisconnect, asyncio.CancelledError):
        status = 499  # by custom: the caller hung up
        raise
    finally:
        metrics.count_request(route, status, time.perf_counter() - started)


def _principal(gateway: Gateway, request: Request, scope: Scope) -> Principal:
    """Who calls.

    Raises:
        Unauthenticated: no key, or an unknown one.
        Forbidden: the key lacks the scope.
        Unavailable: no keys were read yet.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Unauthenticated("send the header Authorization: Bearer <key>")
    return gateway.authenticate(key.strip(), scope)


async def _body(request: Request, most: int) -> bytes:
    """The request's body, read no further than allowed.

    Raises:
        TooLarge: it has more than `most` bytes.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise TooLarge(f"the body has more than {most} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _item(outcome: Verdict | Failed) -> Any:
    if isinstance(outcome, Failed):
        metrics.count_failure(outcome.error.code)
        return item_error(outcome)
    metrics.count_verdict(outcome)
    return outcome


def _public(experiment: Experiment) -> Experiment:
    """Without its salt, which would tell who is on which arm."""
    return msgspec.structs.replace(experiment, salt="")


def _json(value: Any, status: int = 200) -> Response:
    return Response(_encode(value), status, media_type="application/json")
