"""What customers say of verdicts."""

from fastapi import FastAPI, Request, Response

from deployments.gateway import Gateway
from deployments.openapi import operation
from deployments.routes.shared import answer, authenticate, read_body
from pipeline import wire


def add(app: FastAPI, gateway: Gateway) -> None:
    @app.post(
        "/v1/feedback",
        summary="Say what a message really was",
        tags=["feedback"],
        **operation("FeedbackRequest", {"receipt": "…", "label": "ham"}, {"type": "object"}, 202),
    )
    async def feedback(request: Request) -> Response:
        principal = authenticate(gateway, request, "feedback")
        asked = wire.parse_feedback(await read_body(request, gateway.settings.request.body_bytes))
        return answer(await gateway.feedback_desk.feedback(asked, principal), 202)
