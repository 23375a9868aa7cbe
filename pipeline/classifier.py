"""One message's journey inside an ingress replica: check, route, look up or compute, decide, sign."""

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from pipeline.directory import Directory, Principal
from pipeline.errors import InvalidField, WinnowError, describe
from pipeline.intents import Intents
from pipeline.keys import Keys
from pipeline.later import Later
from pipeline.memo import Memo, Waiter
from pipeline.normalise import normalise
from pipeline.policy import Decision, LimitBook
from pipeline.router import Route, Router
from pipeline.senders import canonical_address
from pipeline.types import Assessment, Message, Verdict
from pipeline.verdicts import Intent, Writer, labels
from pipeline.wire import BadItem, ClassifyRequest, check_text

log = logging.getLogger(__name__)

T = TypeVar("T")

_TURN = 128  #: messages of a batch that are handled in one turn of the loop


class Bounds(msgspec.Struct, frozen=True):
    text_chars: int
    deadline_s: float  #: of a single message, where the caller names none
    batch_deadline_s: float  #: of a message in a batch


class Failed(msgspec.Struct, frozen=True):
    """A message that got no verdict, and why."""

    message_id: str | None
    error: WinnowError


class _Asked(msgspec.Struct, frozen=True):
    """A message on its way."""

    message: Message
    route: Route
    waiter: Waiter[Assessment]
    bulk: bool  #: it came with others


class Watch:
    """Hears of messages that were routed; the methods do nothing. An experiment's evidence begins here."""

    def answered(
        self, message: Message, route: Route, verdict: Verdict, said: Mapping[str, str], *, bulk: bool
    ) -> None:
        """A message got its verdict.

        Args:
            said: the label of each task in it, see `pipeline.verdicts.labels`.
            bulk: it came with others, and had to wait for them.
        """

    def failed(self, message: Message, route: Route) -> None:
        """A message got an error."""


class Classifier:
    """Classifies requests of authenticated principals.

    Args:
        bounds: of requests.
        directory: gives the current snapshot of tenants and policies.
        router: chooses versions.
        limits: thresholds of policies.
        assess: the lane that computes assessments.
        intents: decides who says what a one-time password is for.
        later: asks for those who do not wait; None: everybody waits.
        keys: cache keys and pseudonyms.
        receipt_secret: signs receipts.
        watch: hears of every message that was routed.
    """

    def __init__(
        self,
        *,
        bounds: Bounds,
        directory: Callable[[], Directory],
        router: Router,
        limits: LimitBook,
        assess: Memo[Message, Assessment],
        intents: Intents,
        later: Later | None = None,
        keys: Keys,
        receipt_secret: bytes,
        watch: Watch | None = None,
    ) -> None:
        self._bounds = bounds
        self._directory = directory
        self._router = router
        self._assess = assess
        self._intents = intents
        self._later = later
        self._keys = keys
        self._watch = watch or Watch()
        self._id_prefix = secrets.token_hex(6)
        self._ids = itertools.count()
        self._writer = Writer(limits, keys, receipt_secret, self._new_id)

    async def classify(self, request: ClassifyRequest, principal: Principal) -> Verdict:
        """The verdict on one message.

        Raises:
            InvalidField, TooLarge: the text is not one.
            Overloaded, DeadlineExceeded, Unavailable: no answer in time.
        """
        asked = self._ask(request, principal, self._bounds.deadline_s, bulk=False)
        try:
            await asked.waiter
            return self._conclude(asked) or await self._conclude_with_model(asked)
        except Exception:
            self._watch.failed(asked.message, asked.route)
            raise

    async def classify_many(
        self, requests: Sequence[ClassifyRequest | BadItem], principal: Principal
    ) -> list[Verdict | Failed]:
        """One outcome a request, in order; a bad one fails alone."""
        asked: list[_Asked | Failed] = []
        try:
            async for request in _in_turns(requests):
                asked.append(self._attempt_to_ask(request, principal))  # noqa: PERF401 - the next pause may be the end
            await asyncio.gather(*_waiters(asked), return_exceptions=True)
            outcomes = [self._attempt_to_conclude(each) async for each in _in_turns(asked)]
            return await self._fill_in(outcomes, asked)
        finally:
            for waiter in _waiters(asked):
                waiter.cancel()  # where the caller has hung up, nobody needs the rest

    def _ask(self, request: ClassifyRequest, principal: Principal, deadline_s: float, *, bulk: bool) -> "_Asked":
        message, route = self._message(request, principal, deadline_s)
        key = self._keys.answer("assess", message.tenant, message.sender, message.text, route.tag, message.obfuscated)
        waiter = self._assess.ask(key, message, cost=len(message.text), deadline=message.deadline, bulk=bulk)
        return _Asked(message, route, waiter, bulk)

    def _attempt_to_ask(self, request: ClassifyRequest | BadItem, principal: Principal) -> "_Asked | Failed":
        if isinstance(request, BadItem):
            return Failed(request.message_id, request.error)
        try:
            return self._ask(request, principal, self._bounds.batch_deadline_s, bulk=True)
        except Exception as error:
            return _failed(request.message_id, error)

    def _attempt_to_conclude(self, asked: "_Asked | Failed") -> Verdict | Failed | None:
        if isinstance(asked, Failed):
            return asked
        try:
            return self._conclude(asked)
        except Exception as error:
            self._watch.failed(asked.message, asked.route)
            return _failed(asked.message.id, error)

    async def _fill_in(
        self, outcomes: Sequence[Verdict | Failed | None], asked: Sequence["_Asked | Failed"]
    ) -> list[Verdict | Failed]:
        """The outcomes, with those that wait for the language model."""
        pairs = list(zip(asked, outcomes, strict=True))
        late = [each for each, outcome in pairs if outcome is None and isinstance(each, _Asked)]
        verdicts = iter(await asyncio.gather(*(self._attempt_with_model(each) for each in late)))
        return [next(verdicts) if outcome is None else outcome for outcome in outcomes]

    def _conclude(self, asked: "_Asked") -> Verdict | None:
        """The verdict once the assessment is there; None where the language model is to be asked first.

        Raises:
            WinnowError: there is no assessment.
        """
        assessment, _ = asked.waiter.result()
        decision = self._writer.decide(asked.message, assessment)
        intent = self._intents.decide(asked.message, assessment, bool(decision.is_otp))
        return None if intent is None else self._verdict(asked, intent, decision)

    async def _attempt_with_model(self, asked: "_Asked") -> Verdict | Failed:
        try:
            return await self._conclude_with_model(asked)
        except Exception as error:
            self._watch.failed(asked.message, asked.route)
            return _failed(asked.message.id, error)

    async def _conclude_with_model(self, asked: "_Asked") -> Verdict:
        assessment, _ = asked.waiter.result()
        if asked.message.intent == "async" and self._later:
            later = await self._later.begin(asked.message, assessment)
            return self._verdict(asked, Intent(assessment.intent, "lightgbm", later=later))
        return self._verdict(asked, await self._intents.ask(asked.message, assessment))

    def _message(self, request: ClassifyRequest, principal: Principal, deadline_s: float) -> tuple[Message, Route]:
        check_text(request.text, self._bounds.text_chars)
        canonical = normalise(request.text)
        if not canonical.text:
            raise InvalidField("holds nothing visible", field="$.text")
        message_id = request.message_id or self._new_id()
        sender = canonical_address(request.sender)
        recipient = canonical_address(request.recipient)
        budget_s = deadline_s if request.deadline_ms is None else request.deadline_ms / 1000
        route = self._router.route(sender, recipient, message_id)
        message = Message(
            id=message_id,
            text=canonical.text,
            sender=sender,
            recipient=recipient,
            tenant=principal.tenant,
            policy=self._directory().policy_for(principal.tenant, recipient, request.policy),
            intent=request.intent,
            obfuscated=canonical.obfuscated,
            versions=route.versions,
            received_at=time.time(),
            deadline=time.monotonic() + budget_s,
        )
        return message, route

    def _new_id(self) -> str:
        return f"{self._id_prefix}{next(self._ids):x}"

    def _verdict(self, asked: "_Asked", intent: Intent, decision: Decision | None = None) -> Verdict:
        """
        Args:
            decision: on the message, where it is known already.
        """
        assessment, source = asked.waiter.result()
        if decision is None:
            decision = self._writer.decide(asked.message, assessment)
        said = labels(decision, intent.label)
        verdict = self._writer.verdict(asked.message, asked.route, assessment, source, decision, intent, said)
        self._watch.answered(asked.message, asked.route, verdict, said, bulk=asked.bulk)
        return verdict


async def _in_turns(items: Sequence[T]) -> AsyncIterator[T]:
    """The items, with a pause now and then: a large batch must not keep the loop from everybody else."""
    for index, item in enumerate(items):
        if index % _TURN == _TURN - 1:
            await asyncio.sleep(0)
        yield item


def _waiters(asked: Sequence[_Asked | Failed]) -> list[Waiter[Assessment]]:
    return [each.waiter for each in asked if isinstance(each, _Asked)]


def _failed(message_id: str | None, error: Exception) -> Failed:
    if isinstance(error, WinnowError):
        return Failed(message_id, error)
    log.error("unexpected %s", describe(error))  # a message that nobody foresaw fails alone, too
    return Failed(message_id, WinnowError("unexpected"))
