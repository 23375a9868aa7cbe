"""Tells tenants of finished intents: a signed POST, tried again while the other side is away.

The body is a `LaterIntent` as JSON. `Winnow-Signature: t=<unix seconds>,v1=<hex>` carries the HMAC-SHA256, under the
tenant's webhook secret, of "<t>.<body>"; a receiver compares it, and refuses times that are minutes away.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable

import aiohttp
import msgspec

from pipeline.directory import Webhook
from pipeline.errors import describe
from pipeline.later import LaterIntent
from pipeline.underway import Underway

log = logging.getLogger(__name__)

SIGNATURE = "Winnow-Signature"
_PAUSES_S = (1.0, 4.0, 16.0, 60.0)
_TIMEOUT_S = 10.0
_WORTH_ANOTHER_TRY = frozenset((408, 425, 429))


class Webhooks:
    """
    Args:
        find: the webhook of a tenant, None where he has none.
        count: hears how each delivery ended: "delivered", "refused", "given_up", or "dropped" where too many of the
            tenant's were under way.
        pauses_s: between tries.
        most_of_one: deliveries of one tenant under way at once.
    """

    def __init__(
        self,
        find: Callable[[str], Webhook | None],
        count: Callable[[str], None],
        pauses_s: tuple[float, ...] = _PAUSES_S,
        most_of_one: int = 100,
    ) -> None:
        self._find = find
        self._count = count
        self._pauses_s = pauses_s
        self._underway = Underway(most_of_one)
        self._session: aiohttp.ClientSession | None = None

    def deliver(self, tenant: str, intent: LaterIntent) -> None:
        """Begin to post it to the tenant's webhook, if he has one. What does not get there can still be fetched."""
        webhook = self._find(tenant)
        if webhook is None:
            return
        if self._underway.has_room(tenant):
            self._underway.start(tenant, self._deliver(tenant, webhook, msgspec.json.encode(intent)))
        else:
            self._count("dropped")

    async def settled(self) -> None:
        """Return once all that is under way has ended."""
        await self._underway.ended()

    async def stop(self) -> None:
        """Let go of what is under way."""
        self._underway.cancel()
        await self._underway.ended()
        if self._session:
            await self._session.close()

    async def _deliver(self, tenant: str, webhook: Webhook, body: bytes) -> None:
        for pause in (*self._pauses_s, None):
            ended = await self._post(webhook, body)
            if ended:
                self._count(ended)
                return
            if pause is not None:
                await asyncio.sleep(pause)
        log.warning("a webhook of tenant %s did not answer", tenant)
        self._count("given_up")

    async def _post(self, webhook: Webhook, body: bytes) -> str | None:
        """How the delivery ended; None: it is worth another try."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)  # bounded by tenant: nobody waits for another's connections
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S))
        headers = {"Content-Type": "application/json", SIGNATURE: signature(webhook.secret, body, int(time.time()))}
        try:
            async with self._session.post(webhook.url, data=body, headers=headers, allow_redirects=False) as answer:
                if answer.status < 300:
                    return "delivered"
                return None if answer.status >= 500 or answer.status in _WORTH_ANOTHER_TRY else "refused"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("a webhook is not answering: %s", describe(error))
            return None


def signature(secret: str, body: bytes, now: int) -> str:
    """Value of the header.

    Args:
        secret: of the webhook.
        body: as it is sent.
        now: seconds since the epoch.
    """
    digest = hmac.digest(secret.encode(), f"{now}.".encode() + body, "sha256").hex()
    return f"t={now},v1={digest}"
