"""What an OTP is for, by a language model at Groq or at any server that speaks its protocol."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import groq
from groq.types.chat import ChatCompletion

from pipeline.breaker import Breaker
from pipeline.clients.groq_prompt import Output, read_label, request_body

# At level DEBUG the SDK writes whole requests to its log, and with them texts of messages.
logging.getLogger("groq").setLevel(logging.WARNING)

_PAUSE_S = 0.05  # before the second attempt
_HOLD_S = 1.0  # after a 429 that does not say how long
_LONGEST_HOLD_S = 60.0


def _ignore(*_: object) -> None:
    pass


class GroqIntent:
    """An `IntentStage`. Whatever goes wrong with an item, its answer is None and the others are not held up.

    Args:
        base_url: "https://api.groq.com", or an OpenAI-compatible one with its path, "http://localhost:11434/v1".
        output: see `groq_prompt.Output`.
        max_concurrency: requests in flight at once; more of them wait, within their budget.
        patience_s: a timeout speaks against the service only when it had at least this long.
        on_outcome: hears once an item: "ok", "invalid" (no valid label), "timeout", "rate_limited" or "open" (left
            alone), or the class of the error.
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
        self._on_outcome = on_outcome
        self._on_usage = on_usage
        self._clock = clock
        self._hold_until = 0.0  #: the service asked to be left alone until then

    async def classify(self, texts: list[str], senders: list[str], budgets_s: Sequence[float]) -> list[str | None]:
        """One of INTENTS for each text, or None. `budgets_s`: seconds that each item may take."""
        items = zip(texts, senders, budgets_s, strict=True)
        return await asyncio.gather(*(self._classify(*item) for item in items))

    async def close(self) -> None:
        await self._client.close()

    async def _classify(self, text: str, sender: str, budget_s: float) -> str | None:
        deadline = self._clock() + budget_s
        label = None
        try:
            async with asyncio.timeout(budget_s), self._slots:
                label = await self._ask_twice(text, sender, deadline)
            outcome = "ok" if label else "invalid"
        except _LeftAlone as reason:
            outcome = str(reason)
        except TimeoutError:
            outcome = "timeout"
            if budget_s >= self._patience_s:
                self._breaker.failure(self._clock())
        except Exception as error:  # an answer that is none raises whatever the parsers raise
            outcome = "rate_limited" if isinstance(error, groq.RateLimitError) else type(error).__name__
            self._note(error)
        self._on_outcome(outcome)
        return label

    async def _ask_twice(self, text: str, sender: str, deadline: float) -> str | None:
        if not self._breaker.allow(self._clock()):
            raise _LeftAlone("open")
        await self._hold(deadline)
        try:
            return await self._ask(text, sender)
        except (groq.RateLimitError, groq.APIConnectionError, groq.InternalServerError) as error:
            self._note(error)
        await asyncio.sleep(_PAUSE_S)
        await self._hold(deadline)
        return await self._ask(text, sender)

    async def _ask(self, text: str, sender: str) -> str | None:
        body = request_body(self._model, text, sender, self._output)
        completion = await self._client.post(self._path, cast_to=ChatCompletion, body=body)
        label = read_label(completion.choices[0].message.content)
        self._breaker.success()
        if completion.usage:
            self._on_usage(completion.usage.prompt_tokens, completion.usage.completion_tokens)
        return label

    async def _hold(self, deadline: float) -> None:
        """Wait while the service asked to be left alone; not beyond the deadline, when it is no use."""
        if self._hold_until >= deadline:
            raise _LeftAlone("rate_limited")
        await asyncio.sleep(max(0.0, self._hold_until - self._clock()))

    def _note(self, error: Exception) -> None:
        """What an error says of the service: busy, or broken. A refused request (400) says nothing of it."""
        if isinstance(error, groq.RateLimitError):
            self._hold_until = self._clock() + _retry_after_s(error)
        elif not isinstance(error, groq.BadRequestError):
            self._breaker.failure(self._clock())


class _LeftAlone(Exception):
    """The service was not asked; says why."""


def _retry_after_s(error: groq.RateLimitError) -> float:
    try:
        return min(max(0.0, float(error.response.headers["retry-after"])), _LONGEST_HOLD_S)
    except (KeyError, ValueError):
        return _HOLD_S
