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
from pipeline.keys import Keys
from pipeline.memo import Memo, Waiter
from pipeline.normalise import normalise
from pipeline.policy import Limits, decide
from pipeline.receipts import Receipt, sign
from pipeline.routing import Experiment, choose, sticky_key
from pipeline.senders import canonical_address
from pipeline.types import Assessment, IntentSource, Message, PolicyName, Verdict
from pipeline.wire import BadItem, ClassifyRequest, check_text

log = logging.getLogger(__name__)

SPAM_TASK = "spam"
T = TypeVar("T")

_TURN = 128  #: messages of a batch that are handled in one turn of the loop


class Bounds(msgspec.Struct, frozen=True):
    text_chars: int
    deadline_s: float  #: of a single message, where the caller names none
    batch_deadline_s: float  #: of a message in a batch
    intent_budget_s: float


class IntentQuestion(msgspec.Struct, frozen=True, gc=False):
    text: str
    sender: str
    deadline: float  #: seconds on the monotonic clock


class Failed(msgspec.Struct, frozen=True):
    """A message that got no verdict, and why."""

    message_id: str | None
    error: WinnowError


class _Asked(msgspec.Struct, frozen=True):
    """A message on its way."""

    message: Message
    experiment: Experiment | None
    waiter: Waiter[Assessment]


class _Intent(msgspec.Struct, frozen=True):
    label: str | None
    source: IntentSource
    missing: bool = False  #: the language model was asked in vain


class Classifier:
    """Classifies requests of authenticated principals.

    Args:
        bounds: of requests.
        directory: gives the current snapshot of tenants, policies and experiments.
        limits: policy and scorer to the thresholds that hold there.
        transformers: versions that are loaded; the first is the default.
        assess: the lane that computes assessments.
        intents: the lane to the language model, None where there is none.
        language_model: which one; its answers are not another one's.
        keys: cache keys and pseudonyms.
        receipt_secret: signs receipts.
    """

    def __init__(
        self,
        *,
        bounds: Bounds,
        directory: Callable[[], Directory],
        limits: Mapping[tuple[PolicyName, str], Limits],
        transformers: Sequence[str],
        assess: Memo[Message, Assessment],
        intents: Memo[IntentQuestion, str] | None,
        language_model: str,
        keys: Keys,
        receipt_secret: bytes,
    ) -> None:
        self._bounds = bounds
        self._directory = directory
        self._limits = limits
        self._transformers = tuple(transformers)
        self._assess = assess
        self._intents = intents
        self._language_model = language_model
        self._keys = keys
        self._receipt_secret = receipt_secret
        self._id_prefix = secrets.token_hex(6)
        self._ids = itertools.count()

    async def classify(self, request: ClassifyRequest, principal: Principal) -> Verdict:
        """The verdict on one message.

        Raises:
            InvalidField, TooLarge: the text is not one.
            Overloaded, DeadlineExceeded, Unavailable: no answer in time.
        """
        asked = self._ask(request, principal, self._bounds.deadline_s, bulk=False)
        await asked.waiter
        return self._conclude(asked) or await self._conclude_with_model(asked)

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
        message, experiment = self._message(request, principal, deadline_s)
        key = self._keys.answer(
            "assess", message.tenant, message.sender, message.text, message.version, message.obfuscated
        )
        waiter = self._assess.ask(key, message, cost=len(message.text), deadline=message.deadline, bulk=bulk)
        return _Asked(message, experiment, waiter)

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
        intent = self._local_intent(asked.message, assessment)
        return None if intent is None else self._verdict(asked, intent)

    async def _attempt_with_model(self, asked: "_Asked") -> Verdict | Failed:
        try:
            return await self._conclude_with_model(asked)
        except Exception as error:
            return _failed(asked.message.id, error)

    async def _conclude_with_model(self, asked: "_Asked") -> Verdict:
        assessment, _ = asked.waiter.result()
        return self._verdict(asked, await self._model_intent(asked.message, assessment))

    def _message(
        self, request: ClassifyRequest, principal: Principal, deadline_s: float
    ) -> tuple[Message, Experiment | None]:
        check_text(request.text, self._bounds.text_chars)
        canonical = normalise(request.text)
        if not canonical.text:
            raise InvalidField("holds nothing visible", field="$.text")
        message_id = request.message_id or self._new_id()
        sender = canonical_address(request.sender)
        recipient = canonical_address(request.recipient)
        budget_s = deadline_s if request.deadline_ms is None else request.deadline_ms / 1000
        version, experiment = self._route(sender, recipient, message_id)
        message = Message(
            id=message_id,
            text=canonical.text,
            sender=sender,
            recipient=recipient,
            tenant=principal.tenant,
            policy=self._directory().policy_for(principal.tenant, recipient, request.policy),
            intent=request.intent,
            obfuscated=canonical.obfuscated,
            version=version,
            received_at=time.time(),
            deadline=time.monotonic() + budget_s,
        )
        return message, experiment

    def _new_id(self) -> str:
        return f"{self._id_prefix}{next(self._ids):x}"

    def _route(self, sender: str, recipient: str, message_id: str) -> tuple[str, Experiment | None]:
        """Version and experiment; the default and none where the arm is a version that this server has not loaded."""
        experiment = self._directory().experiment(SPAM_TASK)
        if experiment is not None:
            key = sticky_key(experiment.sticky_by, sender=sender, recipient=recipient, message_id=message_id)
            arm = choose(experiment, key)
            if arm in self._transformers:
                return arm, experiment
        return self._transformers[0], None

    def _local_intent(self, message: Message, assessment: Assessment) -> "_Intent | None":
        """The intent where it takes no language model; None where it does."""
        limits = self._limits_of(message.policy, assessment.scorer)
        if message.intent == "none" or assessment.otp is None or assessment.otp < limits.otp:
            return _Intent(None, "none")
        if message.intent == "local" or self._intents is None:
            return _Intent(assessment.intent, "lightgbm")
        return None

    async def _model_intent(self, message: Message, assessment: Assessment) -> "_Intent":
        """The language model's intent; the local one where it gave none in time."""
        assert self._intents is not None
        deadline = min(message.deadline, time.monotonic() + self._bounds.intent_budget_s)
        question = IntentQuestion(message.text, message.sender, deadline)
        key = self._keys.answer("intent", message.tenant, self._language_model, message.sender, message.text)
        try:
            intent, _ = await self._intents.get(key, question, cost=1, deadline=deadline)
        except WinnowError:
            return _Intent(assessment.intent, "lightgbm", missing=True)
        return _Intent(intent, "groq")

    def _limits_of(self, policy: PolicyName, scorer: str) -> Limits:
        return self._limits[policy, scorer or self._transformers[0]]

    def _verdict(self, asked: "_Asked", intent: "_Intent") -> Verdict:
        message, experiment = asked.message, asked.experiment
        assessment, source = asked.waiter.result()
        decision = decide(assessment, self._limits_of(message.policy, assessment.scorer))
        degraded = (*assessment.degraded, "groq") if intent.missing else assessment.degraded
        unknown = assessment.decided_by == "none"
        return Verdict(
            message_id=message.id,
            status="unclassified" if unknown else "degraded" if degraded else "complete",
            action=decision.action,
            is_spam=decision.is_spam,
            spam_score=_rounded(assessment.spam),
            is_phishing=decision.is_phishing,
            phishing_score=_rounded(assessment.phishing),
            is_otp=decision.is_otp,
            otp_score=_rounded(assessment.otp),
            otp_intent=intent.label,
            intent_source=intent.source,
            reasons=assessment.hits,
            decided_by=assessment.decided_by,
            models=assessment.models,
            experiment=_experiment(experiment, message.version),
            cache=source,
            degraded=degraded,
            receipt=self._receipt(message, assessment, experiment),
        )

    def _receipt(self, message: Message, assessment: Assessment, experiment: Experiment | None) -> str:
        scores = {"spam": assessment.spam, "phishing": assessment.phishing, "otp": assessment.otp}
        receipt = Receipt(
            id=self._new_id(),
            tenant=message.tenant,
            task=SPAM_TASK if experiment else "",
            arm=message.version,
            revision=experiment.revision if experiment else 0,
            models=assessment.models,
            scores={task: score for task, score in scores.items() if score is not None},
            sender_key=self._keys.sender(message.sender),
            issued_at=int(message.received_at),
        )
        return sign(self._receipt_secret, receipt)


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


def _experiment(experiment: Experiment | None, arm: str) -> dict[str, str | int] | None:
    if experiment is None:
        return None
    return {"task": experiment.task, "arm": arm, "revision": experiment.revision}


def _rounded(score: float | None) -> float | None:
    """Six digits: enough for a policy's finest threshold, without the noise of float32."""
    return None if score is None else round(score, 6)
