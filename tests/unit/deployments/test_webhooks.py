"""Webhooks over a real socket: signed, tried again, given up."""

import asyncio
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
        self.open = asyncio.Event()
        self.open.set()

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/slow":
            await self.open.wait()
        self.received.append((request.headers[SIGNATURE], await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{path}", made.handle)
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
    hooks.deliver(tenant, INTENT)
    await hooks.settled()
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


async def test_a_webhook_that_hangs_takes_nothing_from_other_tenants(receiver: Receiver) -> None:
    receiver.open.clear()
    slow, delivered = receiver.url.replace("/hook", "/slow"), asyncio.Event()
    ended: list[str] = []

    def count(outcome: str) -> None:
        ended.append(outcome)
        if outcome == "delivered":
            delivered.set()

    hooks = Webhooks(lambda name: Webhook(slow if name == "slow" else receiver.url, SECRET), count)
    for _ in range(103):
        hooks.deliver("slow", INTENT)
    assert ended == ["dropped"] * 3
    hooks.deliver("bank", INTENT)
    await asyncio.wait_for(delivered.wait(), 5)
    assert ended == ["dropped"] * 3 + ["delivered"]
    await hooks.stop()
    receiver.open.set()
    await asyncio.sleep(0)
    assert ended == ["dropped"] * 3 + ["delivered"], "what was under way is let go"


async def test_between_tries_nothing_is_waited_for_when_it_stops() -> None:
    (port,) = free_ports(1)
    ended: list[str] = []
    hooks = Webhooks(lambda _: Webhook(f"http://127.0.0.1:{port}/hook", SECRET), ended.append, (3600.0,))
    hooks.deliver("bank", INTENT)
    await asyncio.sleep(0.05)
    await asyncio.wait_for(hooks.stop(), 5)
    await hooks.settled()
    assert ended == []
