"""What every route does: who calls, what was sent, how an answer is written."""

from enum import Enum
from typing import Any

import msgspec
from fastapi import Request, Response

from deployments.gateway import Gateway
from pipeline.directory import Principal, Scope
from pipeline.errors import InvalidField, TooLarge, Unauthenticated

Tags = list[str | Enum]  #: as FastAPI wants them

_encode = msgspec.json.Encoder().encode


def authenticate(gateway: Gateway, request: Request, scope: Scope) -> Principal:
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


async def read_body(request: Request, most: int) -> bytes:
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


def whole_number(request: Request, name: str, least: int, most: int) -> int | None:
    """A parameter of the query; None: it is not there.

    Raises:
        InvalidField: it is no whole number from `least` to `most`.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    raise InvalidField(f"must be a whole number from {least} to {most}", field=name)


def answer(value: Any, status: int = 200) -> Response:
    return Response(_encode(value), status, media_type="application/json")
