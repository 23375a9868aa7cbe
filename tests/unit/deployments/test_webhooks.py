"""Webhooks over a real socket: signed, tried again, given up."""

import hmac
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import web

from deployments.environment import free_ports
from deployments.webhooks import SIGNATURE, Webhooks, signature
from pipeline.directory import Webhook
from pipeline.later import LaterIntent

INTENT = LaterIntent("id-1", "gw-1", "done", "APP_LOGIN_OTP", "groq")
SECRET = "whsec_test"


class Receiver:
    """Answers with the statuses it is told, then with 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.received: list[tuple[str, bytes]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append((request.headers[SIGNATURE], await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = "http://{}:{}/hook".format(*runner.addresses[0][:2])
    yield made
    await runner.cleanup()


async def deliver(url: str, tenant: str = "bank") -> list[str]:
    """How the delivery ended."""
    ended: list[str] = []
    hooks = Webhooks(lambda name: Webhook(url, SECRET) if name == "bank" else None, ended.append, (0.0, 0.0))
    await hooks.deliver(tenant, INTENT)
    await hooks.stop()
    return ended


async def test_it_is_signed_over_time_and_body(receiver: Receiver) -> None:
    assert await deliver(receiver.url) == ["delivered"]
    ((header, body),) = receiver.received
    assert msgspec.json.decode(body, type=LaterIntent) == INTENT
    sent_at, _, digest = header.removeprefix("t=").partition(",v1=")
    assert digest == hmac.new(SECRET.encode(), f"{sent_at}.".encode() + body, "sha256").hexdigest()
    assert header == signature(SECRET, body, int(sent_at))


@pytest.mark.parametrize(
    ("statuses", "ended", "tries"),
    [([500, 503], "delivered", 3), ([429], "delivered", 2), ([400], "refused", 1), ([302], "refused", 1),
     ([500, 500, 500], "given_up", 3)],
    ids=str,
)  # fmt: skip
async def test_it_is_tried_again_where_that_makes_sense(
    receiver: Receiver, statuses: list[int], ended: str, tries: int
) -> None:
    receiver.statuses = statuses
    assert await deliver(receiver.url) == [ended]
    assert len(receiver.received) == tries


async def test_nobody_there_is_given_up() -> None:
    (port,) = free_ports(1)
    assert await deliver(f"http://127.0.0.1:{port}/hook") == ["given_up"]


async def test_a_tenant_without_a_webhook_is_not_told(receiver: Receiver) -> None:
    assert await deliver(receiver.url, "shop") == []
    assert receiver.received == []
