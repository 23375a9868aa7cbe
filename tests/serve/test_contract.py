"""Bad input: the documented error, never a stack trace, and the server stays up."""

import json
import socket
import uuid
from pathlib import Path

import pytest

from tests.support.server import Server

GOOD = {"text": "See you at six"}


@pytest.mark.parametrize(
    ("raw", "status", "code", "field"),
    [
        (b"", 400, "malformed_json", None),
        (b"{", 400, "malformed_json", None),
        (b'{"text": "\xff\xfe"}', 400, "malformed_json", None),
        (b"[]", 422, "invalid_field", "$"),
        (b"{}", 422, "invalid_field", "$.text"),
        (b'{"text": ""}', 422, "invalid_field", "$.text"),
        (b'{"text": "  \\n "}', 422, "invalid_field", "$.text"),
        (b'{"text": "\\u200b\\u200b"}', 422, "invalid_field", "$.text"),
        (b'{"text": "a\\u0000b"}', 422, "invalid_field", "$.text"),
        (b'{"text": "\\ud800"}', 422, "invalid_field", "$.text"),
        (b'{"text": ["a"]}', 422, "invalid_field", "$.text"),
        (b'{"text": "a", "policy": "harsh"}', 422, "invalid_field", "$.policy"),
        (b'{"text": "a", "colour": "red"}', 422, "invalid_field", "$.colour"),
        (b'{"text": "' + b"x" * 10_001 + b'"}', 413, "too_large", "$.text"),
        (b'{"text": "' + b"x" * 100_000 + b'"}', 413, "too_large", None),
    ],
)
def test_bad_requests(server: Server, raw: bytes, status: int, code: str, field: str | None):
    found, problem, headers = server.request("POST", "/v1/classify", raw=raw)
    assert (found, headers["Content-Type"]) == (status, "application/problem+json")
    assert (problem["status"], problem["code"], problem.get("field")) == (status, code, field)
    assert problem["detail"] and problem["title"] and problem["type"] == f"urn:winnow:{code}"
    assert server.request("POST", "/v1/classify", GOOD)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/nowhere", 404, "not_found"),
        ("POST", "/v1/classify/", 404, "not_found"),
        ("GET", "/v1/classify", 405, "method_not_allowed"),
    ],
)
def test_paths_and_methods_that_do_not_exist(server: Server, method: str, path: str, status: int, code: str):
    found, problem, _ = server.request(method, path)
    assert (found, problem["code"]) == (status, code)


@pytest.mark.parametrize("key", ["", "winnow_wrong", "\u00e9"])
def test_without_a_valid_key_nothing_is_answered(server: Server, key: str):
    if key == "\u00e9":
        return_code = _raw_status(server, b"Authorization: Bearer \xc3\xa9\r\n")
        assert return_code == 401
        return
    status, problem, headers = server.request("POST", "/v1/classify", GOOD, key=key)
    assert (status, problem["code"], headers["WWW-Authenticate"]) == (401, "unauthenticated", "Bearer")


def test_one_bad_message_among_999_good(server: Server):
    messages: list[object] = [{"text": f"See you at {i}", "message_id": f"m{i}"} for i in range(1000)]
    messages[700] = {"text": "a\0b", "message_id": "bad"}
    status, body, _ = server.request("POST", "/v1/classify/batch", {"messages": messages})
    assert status == 200
    results = body["results"]
    assert len(results) == 1000
    assert [i for i, result in enumerate(results) if "error" in result] == [700]
    assert results[700] == {"message_id": "bad", "error": results[700]["error"]}
    assert (results[700]["error"]["status"], results[700]["error"]["field"]) == (422, "$.text")
    assert [r["message_id"] for i, r in enumerate(results) if i != 700] == [f"m{i}" for i in range(1000) if i != 700]


@pytest.mark.parametrize(
    "bad", [{"text": 7}, {"txt": "a"}, "just text", None, {"text": "x" * 20_000}, {"text": "\ud800"}, {"text": ""}]
)
def test_every_kind_of_bad_message_fails_alone(server: Server, bad: object):
    raw = json.dumps({"messages": [GOOD, bad, GOOD]}).encode()
    status, body, _ = server.request("POST", "/v1/classify/batch", raw=raw)
    assert (status, ["error" in result for result in body["results"]]) == (200, [False, True, False])


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"messages": []}, 422, "$.messages"),
        ({"messages": [GOOD] * 1001}, 413, "$.messages"),
        ({"messages": "a"}, 422, "$.messages"),
        ({}, 422, "$.messages"),
        ({"messages": [GOOD], "x": 1}, 422, "$.x"),
    ],
)
def test_bad_batches(server: Server, body: object, status: int, field: str):
    found, problem, _ = server.request("POST", "/v1/classify/batch", body)
    assert (found, problem["field"]) == (status, field)


def test_a_batch_body_beyond_its_bound_is_refused(server: Server):
    status, problem, _ = server.request("POST", "/v1/classify/batch", raw=b" " * 9_000_000)
    assert (status, problem["code"]) == (413, "too_large")


def test_callers_that_hang_up_harm_nobody_who_asks_the_same(server: Server):
    """The first to ask starts the batch that the others wait for."""
    texts = [f"hang up {uuid.uuid4().hex}" for _ in range(20)]
    for text in texts:
        body = json.dumps({"text": text}).encode()
        head = (
            f"POST /v1/classify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        for cut in (len(head) // 2, len(head), len(head) + len(body)):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall((head.encode() + body)[:cut])
    assert {server.classify(text)["status"] for text in texts} == {"complete"}


def test_a_timeout_that_one_caller_asks_for_harms_nobody_else(server: Server):
    text = f"impatient {uuid.uuid4().hex}"
    headers = {"x-request-timeout-seconds": "0.001"}
    for _ in range(5):
        server.request("POST", "/v1/classify", {"text": text}, headers=headers)
    assert server.classify(text)["status"] == "complete"


def test_a_deadline_that_cannot_be_met_is_told_with_a_time_to_come_back(server: Server):
    """A batch of distinct texts takes more than a millisecond on any machine."""
    messages = [{"text": f"deadline {uuid.uuid4().hex}", "deadline_ms": 1} for _ in range(500)]
    results = server.request("POST", "/v1/classify/batch", {"messages": messages})[1]["results"]
    errors = [result["error"] for result in results if "error" in result]
    assert errors
    assert {(error["status"], error["code"]) for error in errors} == {(503, "deadline_exceeded")}


def test_health_and_readiness_need_no_key(server: Server):
    assert server.request("GET", "/healthz", key="")[:2] == (200, {"status": "alive"})
    assert server.request("GET", "/readyz", key="")[:2] == (200, {"status": "ready"})
    assert server.request("HEAD", "/healthz", key="")[0] == 200


def test_metrics_need_a_key(server: Server):
    assert server.request("GET", "/metrics", key="")[0] == 401


def test_a_wrong_method_is_told_the_right_ones(server: Server):
    assert server.request("GET", "/v1/classify")[2]["Allow"] == "POST"


def test_no_text_reaches_logs_or_metrics(server: Server):
    canary = "zxcvbn quokka 7431"
    server.classify(canary, sender="+15550009999")
    server.request("POST", "/v1/classify", {"text": canary, "policy": canary})
    server.request("POST", "/v1/classify", raw=json.dumps({"text": canary}).encode()[:-1])
    assert "quokka" not in server.request("GET", "/metrics")[1]
    logs = Path(server.state["logs"])
    assert any(logs.rglob("*Ingress*"))
    for folder in (server.home, logs):
        for path in folder.rglob("*"):
            if path.is_file():
                assert b"quokka" not in path.read_bytes(), path


def _raw_status(server: Server, header: bytes) -> int:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" + header + b"\r\n{}")
        return int(connection.recv(4096).split(b" ", 2)[1])
