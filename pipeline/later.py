"""Intents that are fetched later: the verdict goes out at once, the language model's answer follows.

What is kept of a question is its answer alone, under a key that nobody can make without the secret and the tenant.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from pipeline.errors import NotFound, describe
from pipeline.keys import Keys
from pipeline.memo import Shelf
from pipeline.recent import Recent
from pipeline.types import Assessment, IntentSource, Message
from pipeline.underway import Underway
from pipeline.verdicts import Intent

log = logging.getLogger(__name__)

_TTL_S = 3600
_IN_MEMORY = 10_000  #: answers, for as long as the shelf is away


class LaterIntent(msgspec.Struct, frozen=True):
    """What became of a question that was to be answered later."""

    intent_id: str
    message_id: str
    status: Literal["pending", "done"]
    otp_intent: str | None = None
    intent_source: IntentSource = "none"


Ask = Callable[[Message, Assessment], Awaitable[Intent]]
#: Sees to it that a tenant is told of a finished answer, if he wants to be; does not wait for that.
Deliver = Callable[[str, LaterIntent], None]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(LaterIntent).decode


class Later:
    """
    Args:
        ask: the language model's intent of a one-time password; answers in a time of its own, and never raises but for
            faults.
        deliver: called once with each finished answer.
        shelf: keeps answers for an hour, for all replicas.
        keys: what they are kept under.
        most: questions under way at once, and half as many of one tenant; beyond that the local intent is the answer.
    """

    def __init__(self, ask: Ask, deliver: Deliver, shelf: Shelf, keys: Keys, *, most: int = 1_000) -> None:
        self._ask = ask
        self._deliver = deliver
        self._shelf = shelf
        self._keys = keys
        self._recent: Recent[LaterIntent] = Recent(_IN_MEMORY, _TTL_S)
        self._asking = Underway(max(1, most // 2), most)

    async def begin(self, message: Message, assessment: Assessment) -> str:
        """Start asking; the id to fetch the answer by."""
        pending = LaterIntent(secrets.token_urlsafe(16), message.id, "pending")
        await self._keep(message.tenant, pending)
        if self._asking.has_room(message.tenant):
            self._asking.start(message.tenant, self._answer(pending, message, assessment))
        else:
            await self._finish(message.tenant, pending, _locally(assessment))
        return pending.intent_id

    async def find(self, tenant: str, intent_id: str) -> LaterIntent:
        """
        Raises:
            NotFound: the tenant has no such question, or it was asked more than an hour ago.
        """
        key = self._key(tenant, intent_id)
        (raw,) = await self._shelf.get_many([key])
        found = _decode(raw) if raw else self._recent.get(key, asyncio.get_running_loop().time())
        if found is None:
            raise NotFound("there is no such intent, or it was asked for more than an hour ago")
        return found

    def stop(self) -> None:
        """Let go of what is under way."""
        self._asking.cancel()

    async def _answer(self, pending: LaterIntent, message: Message, assessment: Assessment) -> None:
        try:
            intent = await self._ask(message, assessment)
        except Exception as error:
            log.error("an intent was left to the local model: %s", describe(error))
            intent = _locally(assessment)
        await self._finish(message.tenant, pending, intent)

    async def _finish(self, tenant: str, pending: LaterIntent, intent: Intent) -> None:
        done = msgspec.structs.replace(pending, status="done", otp_intent=intent.label, intent_source=intent.source)
        await self._keep(tenant, done)
        self._deliver(tenant, done)

    async def _keep(self, tenant: str, intent: LaterIntent) -> None:
        key = self._key(tenant, intent.intent_id)
        self._recent.put(key, intent, asyncio.get_running_loop().time())
        await self._shelf.set_many({key: _encode(intent)}, _TTL_S)

    def _key(self, tenant: str, intent_id: str) -> bytes:
        return self._keys.answer("later", tenant, intent_id)


def _locally(assessment: Assessment) -> Intent:
    return Intent(assessment.intent, "lightgbm")
