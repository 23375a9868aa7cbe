"""Keys, scopes, policies and feedback."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from tests.serve.test_journey import PRIZE
from tests.support.server import Server


def with_database(server: Server, work: Callable[[Database], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        database = await Database.open(server.state["database_url"])
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def new_key(server: Server, tenant: str, *scopes: Any) -> str:
    """A key that the server has heard of."""
    key = with_database(server, lambda db: Accounts(db).create_key(tenant, "test", scopes)).secret
    eventually(lambda: server.request("POST", "/v1/classify", {"text": "a"}, key=key)[0] != 401)
    return key


def eventually(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 2
    while not holds():
        assert time.monotonic() < give_up, "not within two seconds"
        time.sleep(0.05)


@pytest.fixture
def tenant() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


def test_scopes_limit_a_key(server: Server, tenant: str):
    key = new_key(server, tenant, "classify")
    assert server.request("POST", "/v1/classify", {"text": "a"}, key=key)[0] == 200
    for method, path in [("POST", "/v1/feedback"), ("GET", "/v1/experiments"), ("GET", "/v1/models")]:
        status, problem, _ = server.request(method, path, {} if method == "POST" else None, key=key)
        assert (status, problem["code"]) == (403, "forbidden")


def test_a_revoked_key_stops_working(server: Server, tenant: str):
    key = new_key(server, tenant, "classify")
    (info,) = with_database(server, lambda db: Accounts(db).keys(tenant))
    with_database(server, lambda db: Accounts(db).revoke_key(info.id))
    eventually(lambda: server.request("POST", "/v1/classify", {"text": "a"}, key=key)[0] == 401)


def test_policies_of_tenant_and_subscriber_and_request(server: Server, tenant: str):
    key = new_key(server, tenant, "classify", "admin")

    def action(**fields: str) -> str:
        return server.request("POST", "/v1/classify", {"text": PRIZE, **fields}, key=key)[1]["action"]

    assert action() == "block"
    with_database(server, lambda db: Accounts(db).put_tenant(tenant, "lenient"))
    eventually(lambda: action() == "flag")
    path = "/v1/subscribers/+447700900999/policy"
    assert server.request("PUT", path, {"policy": "strict"}, key=key)[0] == 200
    eventually(lambda: action(recipient="+447700900999") == "block")
    assert action(recipient="+447700900000") == "flag"
    assert action(policy="moderate") == "block"
    assert server.request("PUT", path, {"policy": None}, key=key)[0] == 200
    eventually(lambda: action(recipient="+447700900999") == "flag")
    assert server.request("PUT", path, {"policy": "harsh"}, key=key)[0] == 422


def rows(server: Server, tenant: str) -> list[dict[str, Any]]:
    async def read(database: Database) -> list[dict[str, Any]]:
        async with database.transaction() as connection:
            return [dict(r) for r in await connection.fetch("select * from spam_feedback where tenant = $1", tenant)]

    return with_database(server, read)


def test_feedback_is_stored_once_with_what_the_receipt_proves(server: Server, tenant: str):
    key = new_key(server, tenant, "classify", "feedback")
    verdict = server.request("POST", "/v1/classify", {"text": PRIZE, "sender": "+15550002222"}, key=key)[1]
    body = {"receipt": verdict["receipt"], "label": "ham", "message_id": verdict["message_id"]}
    status, answer, _ = server.request("POST", "/v1/feedback", body, key=key)
    assert (status, answer) == (202, {"status": "stored", "credited_to": None})
    assert server.request("POST", "/v1/feedback", body, key=key)[1]["status"] == "repeated"
    (row,) = rows(server, tenant)
    assert (row["label"], row["arms"], row["text"]) == ("ham", {}, None)
    assert row["decisions"]["spam"] == "spam"
    assert row["scores"]["spam"] == pytest.approx(verdict["spam_score"], abs=1e-4)
    assert row["models"] == verdict["models"]


def test_feedback_by_message_id_is_stored_without_an_arm(server: Server, tenant: str):
    key = new_key(server, tenant, "classify", "feedback")
    status, answer, _ = server.request("POST", "/v1/feedback", {"message_id": "gw-9", "label": "spam"}, key=key)
    assert (status, answer) == (202, {"status": "stored", "credited_to": None})
    (row,) = rows(server, tenant)
    assert (row["message_id"], row["arms"], row["decisions"]) == ("gw-9", {}, {})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"label": "spam"}, "$.receipt"),
        ({"receipt": "AAAA", "label": "spam"}, "$.receipt"),
        ({"message_id": "m", "label": "nice"}, "$.label"),
        ({"message_id": "m"}, "$.label"),
        ({"message_id": "m", "label": "spam", "text": "a\0"}, "$.text"),
    ],
)
def test_feedback_that_makes_no_sense_is_refused(server: Server, body: object, field: str):
    status, problem, _ = server.request("POST", "/v1/feedback", body)
    assert (status, problem["field"]) == (422, field)


def test_another_tenants_receipt_is_refused(server: Server, tenant: str):
    receipt = server.classify("See you at six")["receipt"]
    key = new_key(server, tenant, "feedback")
    status, problem, _ = server.request("POST", "/v1/feedback", {"receipt": receipt, "label": "spam"}, key=key)
    assert (status, problem["field"]) == (422, "$.receipt")


def test_a_sender_that_several_tenants_report_gets_a_reputation(server: Server, tenant: str):
    sender = f"+1556{uuid.uuid4().int % 10**7:07d}"

    def reasons(key: str) -> set[str]:
        asked = {"text": f"hello {uuid.uuid4().hex}", "sender": sender}
        return {each["symbol"] for each in server.request("POST", "/v1/classify", asked, key=key)[1]["reasons"]}

    def report(key: str) -> None:
        for _ in range(8):
            asked = {"text": f"hello {uuid.uuid4().hex}", "sender": sender}
            receipt = server.request("POST", "/v1/classify", asked, key=key)[1]["receipt"]
            server.request("POST", "/v1/feedback", {"receipt": receipt, "label": "spam"}, key=key)

    first, second = (new_key(server, name, "classify", "feedback") for name in (tenant, f"{tenant}-two"))
    report(first)
    assert "SENDER_REPUTATION" not in reasons(first), "one tenant alone speaks for nobody"
    report(second)
    assert "SENDER_REPUTATION" in reasons(first)
