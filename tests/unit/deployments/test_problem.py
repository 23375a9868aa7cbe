"""Every error class becomes a problem of its own; surprises become a plain 500 without their message."""

import json
import logging

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from deployments.front import Front
from deployments.problem import on_unexpected, problem_of, problem_response
from pipeline.errors import STATUS, InvalidField, Overloaded, Unauthenticated, WinnowError


def all_errors(kind: type[WinnowError] = WinnowError) -> list[type[WinnowError]]:
    return [kind, *(found for sub in kind.__subclasses__() for found in all_errors(sub))]


@pytest.mark.parametrize("kind", all_errors())
def test_every_error_is_a_problem(kind):
    response = problem_response(kind("what was wrong"))
    body = json.loads(response.body)
    assert response.status_code == body["status"] == STATUS.get(kind.code, 500)
    assert (body["code"], body["type"], body["detail"]) == (kind.code, f"urn:winnow:{kind.code}", "what was wrong")


def test_codes_are_unique():
    codes = [kind.code for kind in all_errors()]
    assert len(set(codes)) == len(codes)


def test_a_field_is_named_only_where_there_is_one():
    assert problem_of(InvalidField("x", field="$.text")).field == "$.text"
    assert b"field" not in problem_response(Overloaded()).body


def test_headers_that_clients_act_on():
    assert problem_response(Overloaded(retry_after_s=2.4)).headers["retry-after"] == "2"
    assert problem_response(Overloaded(retry_after_s=0.01)).headers["retry-after"] == "1"
    assert problem_response(Unauthenticated()).headers["www-authenticate"] == "Bearer"


async def test_a_surprise_is_a_problem_and_its_message_stays_out_of_answer_and_log(caplog):
    app = FastAPI()
    app.add_exception_handler(Exception, on_unexpected)

    @app.get("/")
    async def broken() -> None:
        raise ValueError("text of a message")

    async with AsyncClient(transport=ASGITransport(Front(app, {})), base_url="http://test") as client:
        with caplog.at_level(logging.ERROR):
            answer = await client.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "text of a message" not in answer.text + caplog.text
    assert "ValueError at" in caplog.text
