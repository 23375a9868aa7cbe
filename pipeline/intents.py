"""Who says what a one-time password is for: the local model where it is sure, else the language model."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from pipeline.errors import Unavailable, WinnowError
from pipeline.keys import Keys
from pipeline.memo import Memo, Waiter
from pipeline.redaction import redact, redact_sender
from pipeline.types import Assessment, Message
from pipeline.verdicts import Intent

#: "gated": the local model was sure. "asked": the language model was asked, or a cache of its answers. "sampled": it
#: was asked though the local one was sure. Of those asked: "over_budget", not to be paid for; "missing", no answer.
Event = Literal["gated", "asked", "sampled", "over_budget", "missing"]

#: Characters, ten segments: no password comes in more, and to redact ten times as many would hold everybody up.
_LONGEST = 1_600
_TO_ANSWER_S = 0.02  #: that the local intent needs to reach a caller whose deadline is near


class IntentQuestion(msgspec.Struct, frozen=True, gc=False):
    """All that leaves the ingress of a message: redacted, so that a template is one question whatever its code."""

    text: str
    sender: str
    tenant: str  #: who pays
    deadline: float  #: seconds on the monotonic clock


class OverBudget(Unavailable):
    """The tenant has spent its budget of the day."""

    code, title = "over_budget", "The budget of the day is spent"


class IntentCounts:
    """Hears who named intents; the methods do nothing."""

    def happened(self, event: Event) -> None:
        """To one message."""

    def compared(self, event: Event, agreed: bool) -> None:
        """The language model answered a message that was asked or sampled, and the local model says the same or not."""


class Intents:
    """
    Args:
        lane: to the language model, None where there is none.
        sure_above: version of the local model to the confidence above which it answers alone; others never do.
        sample_rate: share 0-1 of the sure ones that is asked all the same, beside the answer, to see who agrees.
        budget_s: the longest wait for the language model.
        identity: which language model and prompt; its answers are not another one's.
        keys: cache keys.
        is_local_only: tenants whose messages stay in the house.
        counts: hears what happens.
        rng: draws the sample.
    """

    def __init__(
        self,
        lane: Memo[IntentQuestion, str] | None,
        *,
        keys: Keys,
        sure_above: Mapping[str, float],
        sample_rate: float = 0.01,
        budget_s: float = 0.8,
        identity: str = "",
        is_local_only: Callable[[str], bool] = lambda _: False,
        counts: IntentCounts | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._lane = lane
        self._keys = keys
        self._sure_above = sure_above
        self._sample_rate = sample_rate
        self._budget_s = budget_s
        self._identity = identity
        self._is_local_only = is_local_only
        self._counts = counts or IntentCounts()
        self._rng = rng or random.Random()

    def decide(self, message: Message, assessment: Assessment, is_otp: bool) -> Intent | None:
        """The intent where it takes no language model; None where that is to be asked."""
        if message.intent == "none" or not is_otp:
            return Intent(None, "none")
        if message.intent == "local" or self._lane is None or self._is_local_only(message.tenant):
            return _local(assessment)
        if len(message.text) > _LONGEST:
            return _local(assessment)
        if assessment.intent_confidence < self._sure_above.get(message.versions.intent, float("inf")):
            return None
        self._counts.happened("gated")
        if self._rng.random() < self._sample_rate:
            self._sample(message, assessment)
        return _local(assessment)

    async def ask(self, message: Message, assessment: Assessment, *, within_s: float | None = None) -> Intent:
        """The language model's intent; the local one where it gave none in time.

        Args:
            within_s: how long it may take, for those whose caller does not wait; else the budget, and never longer than
                until the message's deadline.
        """
        now = time.monotonic()
        own = min(now + self._budget_s, message.deadline - _TO_ANSWER_S)
        self._counts.happened("asked")
        try:
            label, _ = await self._put(message, own if within_s is None else now + within_s)
        except OverBudget:
            self._counts.happened("over_budget")
            return _local(assessment)
        except WinnowError:
            self._counts.happened("missing")
            return Intent(assessment.intent, "lightgbm", missing=True)
        self._counts.compared("asked", label == assessment.intent)
        return Intent(label, "groq")

    def _sample(self, message: Message, assessment: Assessment) -> None:
        """Ask beside the answer; singles overtake, and nobody hears of a failure."""

        def compare(waiter: Waiter[str]) -> None:
            if not waiter.cancelled() and waiter.exception() is None:
                self._counts.compared("sampled", waiter.result()[0] == assessment.intent)

        try:
            self._put(message, time.monotonic() + self._budget_s, bulk=True).add_done_callback(compare)
        except WinnowError:
            return
        self._counts.happened("sampled")

    def _put(self, message: Message, deadline: float, *, bulk: bool = False) -> Waiter[str]:
        """
        Raises:
            Overloaded: too many questions wait. All other errors are the waiter's.
        """
        assert self._lane is not None
        question = IntentQuestion(redact(message.text), redact_sender(message.sender), message.tenant, deadline)
        key = self._keys.answer("intent", question.tenant, self._identity, question.sender, question.text)
        return self._lane.ask(key, question, cost=1, deadline=deadline, bulk=bulk)


def _local(assessment: Assessment) -> Intent:
    return Intent(assessment.intent, "lightgbm")
