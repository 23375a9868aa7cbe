"""Is it alive, is it ready, how is it doing."""

import asyncio

from fastapi import FastAPI, Request, Response

from deployments import metrics
from deployments.gateway import Gateway
from deployments.routes.shared import Tags, answer, authenticate
from pipeline.errors import Unavailable

_READ = ["GET", "HEAD"]
_TAGS: Tags = ["operations"]


def add(app: FastAPI, gateway: Gateway) -> None:
    @app.api_route("/healthz", methods=_READ, summary="Is the process alive?", tags=_TAGS)
    async def healthz() -> Response:
        return answer({"status": "alive"})

    @app.api_route("/readyz", methods=_READ, summary="Has every stage answered a dry run?", tags=_TAGS)
    async def readyz() -> Response:
        if gateway.waiting_for:
            raise Unavailable(f"not ready: {gateway.waiting_for}", retry_after_s=1.0)
        return answer({"status": "ready"})

    @app.get("/metrics", summary="Prometheus metrics of this machine's replicas", tags=_TAGS)
    async def exposition(request: Request) -> Response:
        authenticate(gateway, request, "admin")
        exposed = await asyncio.to_thread(metrics.exposition)  # it reads the files of every replica
        return Response(exposed, media_type=metrics.CONTENT_TYPE)
