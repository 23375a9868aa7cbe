"""The two busy routes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from deployments import metrics
from deployments.front import Handler
from deployments.gateway import Gateway
from deployments.openapi import BATCH_ANSWER, EXAMPLE, operation, ref, responses
from deployments.problem import item_error
from deployments.routes.shared import Tags, answer, authenticate, read_body
from pipeline import wire
from pipeline.classifier import Failed
from pipeline.errors import WinnowError, http_status
from pipeline.types import Verdict

_TAGS: Tags = ["classification"]


def add(app: FastAPI, gateway: Gateway) -> Mapping[str, Handler]:
    """The routes, and their handlers by path."""
    bounds = gateway.settings.request

    @app.post(
        "/v1/classify",
        summary="Classify one message",
        tags=_TAGS,
        **operation("ClassifyRequest", EXAMPLE, ref("Verdict")),
    )
    async def classify(request: Request) -> Response:
        async def work() -> Response:
            principal = authenticate(gateway, request, "classify")
            asked = wire.parse_classify(await read_body(request, bounds.body_bytes))
            try:
                verdict = await gateway.classifier.classify(asked, principal)
            except WinnowError as error:
                metrics.count_failure(error.code)
                raise
            metrics.count_verdict(verdict)
            return answer(verdict)

        return await _timed("classify", work)

    @app.post(
        "/v1/classify/batch",
        summary="Classify 1 to 1,000 messages; a bad one fails alone",
        tags=_TAGS,
        **operation("BatchRequest", {"messages": [EXAMPLE]}, BATCH_ANSWER),
    )
    async def classify_batch(request: Request) -> Response:
        async def work() -> Response:
            principal = authenticate(gateway, request, "classify")
            asked = wire.parse_batch(await read_body(request, bounds.batch_body_bytes), bounds.batch_items)
            outcomes = await gateway.classifier.classify_many(asked, principal)
            return answer({"results": [_item(outcome) for outcome in outcomes]})

        return await _timed("batch", work)

    @app.get(
        "/v1/intents/{intent_id}",
        summary="The intent of a message that was classified with intent=async",
        tags=_TAGS,
        responses=responses(ref("LaterIntent"), of_a_resource=True),
    )
    async def intent(intent_id: str, request: Request) -> Response:
        principal = authenticate(gateway, request, "classify")
        return answer(await gateway.later.find(principal.tenant, intent_id))

    return {"/v1/classify": classify, "/v1/classify/batch": classify_batch}


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


def _item(outcome: Verdict | Failed) -> Any:
    if isinstance(outcome, Failed):
        metrics.count_failure(outcome.error.code)
        return item_error(outcome)
    metrics.count_verdict(outcome)
    return outcome
