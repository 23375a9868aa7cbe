"""The way in: busy routes pass the framework by, and no surprise says what it was about."""

import logging

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from deployments.front import Front
from pipeline.errors import InvalidField


async def ask(handler, method: str = "POST") -> Response:
    app = FastAPI()

    @app.post("/busy")
    async def slow_way(request: Request) -> PlainTextResponse:
        return PlainTextResponse("by the framework")

    transport = ASGITransport(Front(app, {"/busy": handler}))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, "/busy", content=b"body")


async def test_a_busy_route_is_answered_by_its_handler():
    async def handler(request: Request) -> PlainTextResponse:
        return PlainTextResponse(await request.body())

    answer = await ask(handler)
    assert (answer.status_code, answer.text) == (200, "body")


async def test_a_wrong_method_is_the_frameworks_business():
    async def handler(request: Request) -> PlainTextResponse:
        raise AssertionError("not to be asked")

    assert (await ask(handler, "GET")).status_code == 405


async def test_an_error_is_a_problem():
    async def handler(request: Request) -> PlainTextResponse:
        raise InvalidField("is wrong", field="$.text")

    answer = await ask(handler)
    assert (answer.status_code, answer.json()["field"]) == (422, "$.text")


async def test_a_surprise_is_a_problem_and_its_message_stays_out_of_answer_and_log(caplog: pytest.LogCaptureFixture):
    async def handler(request: Request) -> PlainTextResponse:
        raise ValueError("text of a message")

    with caplog.at_level(logging.ERROR):
        answer = await ask(handler)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "text of a message" not in answer.text + caplog.text
    assert "ValueError at" in caplog.text


async def test_nobody_is_answered_who_hung_up(caplog: pytest.LogCaptureFixture):
    sent = []

    async def handler(request: Request) -> PlainTextResponse:
        raise ClientDisconnect

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/busy", "headers": [], "query_string": b""}
    await Front(FastAPI(), {"/busy": handler})(scope, receive, send)
    assert sent == []
    assert not caplog.records
