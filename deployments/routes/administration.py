"""Models and policies."""

from fastapi import FastAPI, Request, Response

from deployments.gateway import Gateway
from deployments.openapi import operation, responses
from deployments.routes.shared import Tags, answer, authenticate, read_body
from pipeline import wire

_TAGS: Tags = ["administration"]


def add(app: FastAPI, gateway: Gateway) -> None:
    @app.get(
        "/v1/models", summary="Model versions that are loaded", tags=_TAGS, responses=responses({"type": "object"})
    )
    async def models(request: Request) -> Response:
        authenticate(gateway, request, "admin")
        return answer({"models": gateway.office.models()})

    @app.put(
        "/v1/subscribers/{subscriber}/policy",
        summary="Set one subscriber's policy",
        tags=_TAGS,
        **operation("PolicyRequest", {"policy": "strict"}, {"type": "object"}),
    )
    async def put_policy(subscriber: str, request: Request) -> Response:
        principal = authenticate(gateway, request, "admin")
        asked = wire.parse_policy(await read_body(request, gateway.settings.request.body_bytes))
        return answer(await gateway.office.set_policy(subscriber, asked.policy, principal))
