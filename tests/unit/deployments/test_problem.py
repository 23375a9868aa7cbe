"""Every error class becomes a problem of its own; surprises become a plain 500 without their message."""

import json
import logging

import pytest
from starlette.types import Receive, Scope, Send

from deployments.problem import Guard, problem_of, problem_response
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


async def test_a_surprise_is_a_500_and_its_message_stays_out_of_answer_and_log(caplog):
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("text of a message")

    sent = []

    async def send(message) -> None:
        sent.append(message)

    with caplog.at_level(logging.ERROR):
        await Guard(broken)({"type": "http"}, None, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 500
    assert b"text of a message" not in sent[1]["body"]
    assert "text of a message" not in caplog.text
    assert "ValueError" in caplog.text
