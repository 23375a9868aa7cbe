"""Intents that are fetched later, and tenants whose messages stay in the house."""

import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

import msgspec
import pytest

from deployments.webhooks import SIGNATURE, signature
from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from tests.support.database import within
from tests.support.groq_server import GroqServer
from tests.support.server import Server


@pytest.fixture(autouse=True)
def healthy(groq: GroqServer) -> None:
    groq.fault = "ok"
    groq.faults.clear()
    time.sleep(1.1)  # the breaker may still be open from an earlier fault
    groq.requests.clear()


@pytest.fixture
def hook() -> Iterator[tuple[str, Queue[tuple[str, bytes]]]]:
    """URL of a webhook, and what was posted to it."""
    posted: Queue[tuple[str, bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put((self.headers[SIGNATURE], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", posted
    server.shutdown()
    thread.join(10)


class Tenant:
    """One of his own, with a key."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.id = f"t{uuid.uuid4().hex[:12]}"
        self.key = ""

        async def create(database: Database) -> str:
            return (await Accounts(database).create_key(self.id, "test")).secret

        self.key = within(server.state["database_url"], create)
        self._until(lambda: server.request("POST", "/v1/classify", {"text": "hi"}, key=self.key)[0] == 200)

    def classify(self, text: str, **fields: object) -> dict[str, object]:
        status, body, _ = self.server.request("POST", "/v1/classify", {"text": text, **fields}, key=self.key)
        assert status == 200, body
        return body

    def intent(self, intent_id: object, key: str = "") -> tuple[int, dict[str, object]]:
        status, body, _ = self.server.request("GET", f"/v1/intents/{intent_id}", key=key or self.key)
        return status, body

    def finished(self, intent_id: object) -> dict[str, object]:
        self._until(lambda: self.intent(intent_id)[1]["status"] == "done")
        return self.intent(intent_id)[1]

    @staticmethod
    def _until(holds) -> None:
        give_up = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < give_up
            time.sleep(0.05)


def otp(label: str = "KYC_OR_ESIGN_OTP") -> str:
    return f"Your OTP is 482913 to log in to {uuid.uuid4().hex[:10]} {label}. Do not share it with anyone."


def test_the_verdict_does_not_wait_and_the_intent_follows(server: Server, groq: GroqServer, hook):
    tenant = Tenant(server)
    url, posted = hook
    secret = within(server.state["database_url"], lambda db: Accounts(db).set_webhook(tenant.id, url))
    time.sleep(2)  # every replica knows of the webhook
    verdict = tenant.classify(otp(), intent="async", message_id="gw-7")
    assert (verdict["intent_source"], verdict["status"], verdict["degraded"]) == ("lightgbm", "complete", [])
    done = tenant.finished(verdict["intent_id"])
    assert (done["message_id"], done["otp_intent"], done["intent_source"]) == ("gw-7", "KYC_OR_ESIGN_OTP", "groq")
    header, body = posted.get(timeout=10)
    assert msgspec.json.decode(body) == done
    assert header == signature(str(secret), body, int(header.removeprefix("t=").split(",")[0]))


def test_another_tenant_cannot_fetch_it(server: Server):
    verdict = Tenant(server).classify(otp(), intent="async")
    assert verdict["intent_id"]
    status, problem = Tenant(server).intent(verdict["intent_id"])
    assert (status, problem["code"]) == (404, "not_found")


def test_where_nothing_is_to_follow_there_is_no_id(server: Server):
    assert Tenant(server).classify("See you at the pub tonight", intent="async")["intent_id"] is None


def test_a_tenant_may_keep_its_messages_in_the_house(server: Server, groq: GroqServer):
    tenant = Tenant(server)
    assert tenant.classify(otp())["intent_source"] == "groq"
    within(server.state["database_url"], lambda db: Accounts(db).set_local_only(tenant.id, True))
    time.sleep(2)
    groq.requests.clear()
    for mode in ("auto", "async"):
        verdict = tenant.classify(otp(), intent=mode)
        assert (verdict["intent_source"], verdict["status"], verdict["intent_id"]) == ("lightgbm", "complete", None)
    assert groq.requests == []
