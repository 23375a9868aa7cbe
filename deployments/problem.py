"""Errors as problem details (RFC 9457)."""

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pipeline.classifier import Failed
from pipeline.errors import (
    Forbidden,
    InvalidField,
    MalformedJson,
    MethodNotAllowed,
    NotFound,
    Unauthenticated,
    WinnowError,
    http_status,
)

MEDIA_TYPE = "application/problem+json"
_BY_STATUS: dict[int, type[WinnowError]] = {
    400: MalformedJson,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    422: InvalidField,
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of every error."""

    type: str  #: "urn:winnow:<code>"
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None  #: JSON path of the offending field


class ItemError(msgspec.Struct, frozen=True):
    """A message of a batch that got no verdict."""

    message_id: str | None
    error: Problem


def problem_of(error: WinnowError) -> Problem:
    return Problem(f"urn:winnow:{error.code}", error.title, http_status(error), error.detail, error.code, error.field)


def item_error(failed: Failed) -> ItemError:
    return ItemError(failed.message_id, problem_of(failed.error))


def problem_response(error: WinnowError) -> Response:
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(problem_of(error)), http_status(error), headers, MEDIA_TYPE)


def unexpected() -> WinnowError:
    """What a caller is told of an error that nobody foresaw."""
    return WinnowError("unexpected; see the server's log")


async def on_winnow_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, WinnowError)
    return problem_response(error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: unknown paths, wrong methods."""
    assert isinstance(error, HTTPException)
    known = _BY_STATUS.get(error.status_code, WinnowError)
    response = problem_response(known())
    response.headers.update(error.headers or {})  # "Allow" of a wrong method
    return response


async def on_unexpected(request: Request, error: Exception) -> Response:
    """The framework raises the error once more afterwards: `deployments.front` logs it."""
    return problem_response(unexpected())
