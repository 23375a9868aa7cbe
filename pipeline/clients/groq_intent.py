"""What an OTP is for, by a language model at Groq or at any server that speaks its protocol."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import groq
from groq.types.chat import ChatCompletion

from pipeline.breaker import Breaker
from pipeline.budget import Budget, Prices
from pipeline.clients.groq_prompt import Output, read_label, request_body
from pipeline.types import OVER_BUDGET

# At level DEBUG the SDK writes whole requests to its log, and with them texts of messages.
logging.getLogger("groq").setLevel(logging.WARNING)

_PAUSE_S = 0.05  # before the second attempt
_HOLD_S = 1.0  # after a 429 that does not say how long
_LONGEST_HOLD_S = 60.0
_OF_THE_REQUEST = (400, 413, 422)  # states that speak of the request, not of the service
_BYTES_PER_TOKEN = 2.5  # of prompt and message together; Llama 3's have 2.85 and more, in any script of the grammar


def _ignore(*_: object) -> None:
    pass


class GroqIntent:
    """An `IntentStage`. Whatever goes wrong with an item, its answer is None and the others are not held up.

    Args:
        base_url: "https://api.groq.com", or an OpenAI-compatible one with its path, "http://localhost:11434/v1".
        output: see `groq_prompt.Output`.
        max_concurrency: requests in flight at once; more of them wait, within their time.
        patience_s: a timeout speaks against the service only when it had a request for at least this long.
        prices: of the model.
        budget: what tenants may spend; None: as much as they like.
        on_outcome: hears once an item: "ok", "invalid" (no valid label), "timeout", "busy" (no slot in time),
            "rate_limited", "open" or "over_budget" (not asked), or the class of the error.
        on_usage: hears of prompt and completion tokens spent.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "https://api.groq.com",
        model: str = "llama-3.1-8b-instant",
        output: Output = "json_object",
        max_concurrency: int = 16,
        patience_s: float = 0.5,
        breaker: Breaker | None = None,
        prices: Prices | None = None,
        budget: Budget | None = None,
        on_outcome: Callable[[str], None] = _ignore,
        on_usage: Callable[[int, int], None] = _ignore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Retries are made here, where the deadline is known.
        self._client = groq.AsyncGroq(api_key=api_key, base_url=base_url, max_retries=0, timeout=30.0)
        # The SDK's own method would put Groq's prefix behind every base URL.
        self._path = "/chat/completions" if urlsplit(base_url).path.strip("/") else "/openai/v1/chat/completions"
        self._model = model
        self._output: Output = output
        self._slots = asyncio.Semaphore(max_concurrency)
        self._patience_s = patience_s
        self._breaker = breaker or Breaker()
        self._prices = prices or Prices()
        self._budget = budget
        self._on_outcome = on_outcome
        self._on_usage = on_usage
        self._clock = clock
        self._hold_until = 0.0  #: the service asked to be left alone until then

    async def classify(
        self,
        texts: list[str],
        senders: list[str],
        budgets_s: Sequence[float],
        tenants: Sequence[str] | None = None,
    ) -> list[str | None]:
        """One of INTENTS for each text, None without an answer, or OVER_BUDGET.

        Args:
            budgets_s: seconds that each item may take.
            tenants: who pays for each; None: nobody's budget is asked.
        """
        payers = [None] * len(texts) if tenants is None else tenants
        items = zip(texts, senders, budgets_s, payers, strict=True)
        return await asyncio.gather(*(self._classify(*item) for item in items))

    async def close(self) -> None:
        await self._client.close()

    async def _classify(self, text: str, sender: str, budget_s: float, tenant: str | None) -> str | None:
        body = request_body(self._model, text, sender, self._output)
        call = _Call(body, self._clock() + budget_s, self._prices.usd(*tokens_at_most(body)))
        label = None
        try:
            async with asyncio.timeout(budget_s), self._slots:
                call.has_slot = True
                label = await self._ask_if_paid(call, tenant)
            outcome = "over_budget" if label == OVER_BUDGET else "ok" if label else "invalid"
        except _LeftAlone as reason:
            outcome = str(reason)
        except TimeoutError:
            outcome = "timeout" if call.has_slot else "busy"
            self._note_timeout(call)
        except Exception as error:  # an answer that is none raises whatever the parsers raise
            outcome = "rate_limited" if isinstance(error, groq.RateLimitError) else type(error).__name__
            self._note(error)
        self._on_outcome(outcome)
        return label

    async def _ask_if_paid(self, call: "_Call", tenant: str | None) -> str | None:
        """The label, or OVER_BUDGET; what the call cost is settled however it ends."""
        if self._budget is None or tenant is None:
            return await self._ask_twice(call)
        if self._breaker.refuses(self._clock()):
            raise _LeftAlone("open")
        reservation = await self._budget.reserve(tenant, call.estimate_usd)
        if reservation is None:
            return OVER_BUDGET
        try:
            return await self._ask_twice(call)
        finally:
            self._budget.settle(reservation, call.usd)

    async def _ask_twice(self, call: "_Call") -> str | None:
        try:
            return await self._ask(call)
        except (groq.RateLimitError, groq.APIConnectionError, groq.InternalServerError) as error:
            self._note(error)
        await asyncio.sleep(_PAUSE_S)
        return await self._ask(call)

    async def _ask(self, call: "_Call") -> str | None:
        await self._hold(call.deadline)
        if not self._breaker.allow(self._clock()):
            raise _LeftAlone("open")
        completion = await self._send(call)
        usage = _tokens(completion.usage)
        if usage:
            call.usd += self._prices.usd(*usage) - call.estimate_usd
            self._on_usage(*usage)
        label = read_label(completion.choices[0].message.content)
        self._breaker.success()
        return label

    async def _send(self, call: "_Call") -> ChatCompletion:
        """Post the request; what has been sent counts as paid for until the service says what it cost."""
        call.sent_at = self._clock()
        call.usd += call.estimate_usd
        try:
            completion = await self._client.post(self._path, cast_to=ChatCompletion, body=call.body)
        except groq.APIStatusError:
            call.usd -= call.estimate_usd  # a refused request costs nothing
            call.sent_at = None
            raise
        except groq.APIConnectionError:
            call.sent_at = None
            raise
        call.sent_at = None
        return completion

    async def _hold(self, deadline: float) -> None:
        """Wait while the service asked to be left alone; not beyond the deadline, when it is no use."""
        if self._hold_until >= deadline:
            raise _LeftAlone("rate_limited")
        await asyncio.sleep(max(0.0, self._hold_until - self._clock()))

    def _note(self, error: Exception) -> None:
        """What an error says of the service: busy, or broken. A refused request says nothing of it."""
        if isinstance(error, groq.RateLimitError):
            self._hold_until = max(self._hold_until, self._clock() + _retry_after_s(error))
        elif not isinstance(error, groq.APIStatusError) or error.status_code not in _OF_THE_REQUEST:
            self._breaker.failure(self._clock())

    def _note_timeout(self, call: "_Call") -> None:
        """A wait for our own slots, or for a time that the service asked for, says nothing of it."""
        now = self._clock()
        if call.sent_at is not None and now - call.sent_at >= self._patience_s:
            self._breaker.failure(now)


class _Call:
    """One question under way."""

    __slots__ = ("body", "deadline", "estimate_usd", "has_slot", "sent_at", "usd")

    def __init__(self, body: dict[str, Any], deadline: float, estimate_usd: float) -> None:
        self.body = body
        self.deadline = deadline
        self.estimate_usd = estimate_usd  #: of one attempt
        self.has_slot = False
        self.sent_at: float | None = None  #: since when the service has it; None while it has not
        self.usd = 0.0  #: what it may have cost so far


class _LeftAlone(Exception):
    """The service was not asked; says why."""


def _retry_after_s(error: groq.RateLimitError) -> float:
    try:
        return min(max(0.0, float(error.response.headers["retry-after"])), _LONGEST_HOLD_S)
    except (KeyError, ValueError):
        return _HOLD_S


def tokens_at_most(body: dict[str, Any]) -> tuple[int, int]:
    """More prompt and completion tokens than a request will cost, from its own size."""
    size = sum(len(message["content"].encode()) for message in body["messages"])
    return math.ceil(size / _BYTES_PER_TOKEN), body["max_tokens"]


def _tokens(usage: Any) -> tuple[int, int] | None:
    """Prompt and completion tokens of an answer, None where it does not say: the SDK checks nothing."""
    found = getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None)
    return found if all(isinstance(tokens, int) and tokens >= 0 for tokens in found) else None  # type: ignore[return-value]
