"""The OpenAPI document. Bodies are decoded by msgspec, so their schemas come from there, not from FastAPI."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from deployments.problem import ItemError, Problem
from pipeline import orders, wire
from pipeline.findings import Report
from pipeline.later import LaterIntent
from pipeline.routing import Experiment
from pipeline.trail import ExperimentChange
from pipeline.types import RuleHit, Verdict

EXAMPLE = {
    "text": "Your OTP for HDFC Bank login is 482913. Do not share.",
    "sender": "VM-HDFCBK",
    "message_id": "gw-000017",
}
_REF = "#/components/schemas/{name}"
_STRUCTS = (
    wire.ClassifyRequest,
    wire.FeedbackRequest,
    wire.PolicyRequest,
    orders.ExperimentRequest,
    orders.PromoteRequest,
    orders.RollbackRequest,
    orders.RampRequest,
    orders.Listed,
    Experiment,
    ExperimentChange,
    Report,
    Verdict,
    LaterIntent,
    RuleHit,
    Problem,
    ItemError,
)
_PROBLEMS = {
    400: "The body is not JSON",
    401: "No valid API key",
    403: "The key lacks the scope",
    413: "Too large",
    422: "A field is wrong; `field` names it",
    429: "Too many messages wait; see `Retry-After`",
    503: "Not in time, or a part is down; see `Retry-After`",
}
_OF_A_RESOURCE = {404: "There is no such resource", 409: "Somebody else changed it first"}


def operation(
    body: str, example: dict[str, Any], answer: dict[str, Any], status: int = 200, *, of_a_resource: bool = False
) -> dict[str, Any]:
    """Keyword arguments for a FastAPI route whose body FastAPI does not parse.

    Args:
        body: name of the request's schema.
        example: of a request.
        answer: schema of the answer.
        status: of success.
        of_a_resource: see `responses`.
    """
    content = {"schema": {"$ref": _REF.format(name=body)}, "example": example}
    return {
        "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": content}}},
        "responses": responses(answer, status, of_a_resource=of_a_resource),
        "status_code": status,
    }


def responses(
    answer: dict[str, Any], status: int = 200, *, of_a_resource: bool = False
) -> dict[int | str, dict[str, Any]]:
    """The answers of a route: success, and every problem.

    Args:
        of_a_resource: the path names something that may not exist, or that others change too.
    """
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    found: dict[int | str, dict[str, Any]] = {
        code: {"description": text, "content": problem}
        for code, text in (_PROBLEMS | (_OF_A_RESOURCE if of_a_resource else {})).items()
    }
    found[status] = {"description": "OK", "content": {"application/json": {"schema": answer}}}
    return found


def ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(name=name)}


def listing(name: str, schema: str) -> dict[str, Any]:
    """Schema of an answer that holds a list under `name`."""
    return {"type": "object", "required": [name], "properties": {name: {"type": "array", "items": ref(schema)}}}


def parameter(name: str, kind: str, description: str) -> dict[str, Any]:
    """An optional parameter of the query, which FastAPI does not read."""
    return {"name": name, "in": "query", "required": False, "schema": {"type": kind}, "description": description}


BATCH_ANSWER = {
    "type": "object",
    "required": ["results"],
    "properties": {
        "results": {
            "type": "array",
            "description": "One for each message, in order.",
            "items": {"anyOf": [ref("Verdict"), ref("ItemError")]},
        }
    },
}


def install(app: FastAPI) -> None:
    """Make `app.openapi()` know msgspec's schemas and the API key."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            parts = found.setdefault("components", {})
            _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template=_REF)
            parts["schemas"] = schemas | {"BatchRequest": _batch_request()}
            parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for path, methods in found["paths"].items():
                if path.startswith("/v1/"):
                    for described in methods.values():
                        described["security"] = [{"key": []}]
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _batch_request() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["messages"],
        "additionalProperties": False,
        "properties": {"messages": {"type": "array", "minItems": 1, "maxItems": 1000, "items": ref("ClassifyRequest")}},
    }
