"""Groq's chat completions on the wire, seen from the server's side: requests, answers, errors, limits. No sockets here.

For servers that stand in for Groq: the demonstration's (`deployments.demo_llm`) and the tests'.
"""

import math
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

#: Some models know JSON mode alone.
_WITHOUT_SCHEMAS = frozenset({"llama-3.1-8b-instant", "llama-3.3-70b-versatile"})
_CHARACTERS_A_TOKEN = 4


class Refused(Exception):
    """What the service answers instead of a completion."""

    def __init__(
        self,
        status: int,
        message: str,
        kind: str = "invalid_request_error",
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind} | ({"code": code} if code else {})}
        self.headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}


class _Asked(msgspec.Struct):
    """What must be in a request; anything else may."""

    model: str
    messages: list[dict[str, Any]]
    response_format: dict[str, Any] = {}


def read(body: bytes, headers: Mapping[str, str], key: str | None) -> dict[str, Any]:
    """A request, as plain data.

    Args:
        body: JSON.
        headers: with the caller's key.
        key: the right one; None: any.

    Raises:
        Refused: the key is wrong, or the service would not take the request.
    """
    kind, _, given = headers.get("Authorization", "").partition(" ")
    if kind != "Bearer" or not given or (key is not None and not secrets.compare_digest(given, key)):
        raise Refused(401, "Invalid API Key", code="invalid_api_key")
    try:
        asked: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        _check_format(msgspec.convert(asked, _Asked))
    except msgspec.MsgspecError as error:
        raise Refused(400, str(error)) from None
    return asked


def unknown_url(method: str, path: str) -> Refused:
    return Refused(404, f"Unknown request URL: {method} {path}. Please check the URL for typos.", code="unknown_url")


def completion(model: str, content: str | None, usage: tuple[int, int]) -> dict[str, Any]:
    """The body of an answer; `usage`: tokens of the prompt and of the content."""
    prompt, written = usage
    request = f"req_{secrets.token_hex(13)}"
    return {
        "id": f"chatcmpl-{secrets.token_hex(16)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "queue_time": 0.02,
            "prompt_tokens": prompt,
            "prompt_time": 0.01,
            "completion_tokens": written,
            "completion_time": 0.02,
            "total_tokens": prompt + written,
            "total_time": 0.03,
        },
        "usage_breakdown": None,
        "system_fingerprint": "fp_0123456789",
        "x_groq": {"id": request},
        "service_tier": "on_demand",
    }


def estimated_usage(asked: Mapping[str, Any], content: str) -> tuple[int, int]:
    """Tokens of a prompt and an answer, guessed from their lengths: nobody here has the model's tokenizer."""
    prompt = sum(len(str(message.get("content"))) for message in asked["messages"])
    return math.ceil(prompt / _CHARACTERS_A_TOKEN), math.ceil(len(content) / _CHARACTERS_A_TOKEN)


class Quota:
    """Groq's limits of an organisation: requests a minute and a day, tokens a minute. All refill without pause.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        *,
        requests_per_minute: int = 30,
        requests_per_day: int = 14_400,
        tokens_per_minute: int = 6_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._minute = _Bucket("requests per minute (RPM)", "requests", requests_per_minute, 60.0)
        self._day = _Bucket("requests per day (RPD)", "requests", requests_per_day, 86_400.0)
        self._tokens = _Bucket("tokens per minute (TPM)", "tokens", tokens_per_minute, 60.0)

    def take(self, model: str, tokens: int) -> None:
        """Count a request.

        Raises:
            Refused: a limit is reached; then nothing is counted. Says after how many whole seconds to come again.
        """
        now = self._clock()
        wanted = ((self._minute, 1), (self._day, 1), (self._tokens, tokens))
        for bucket, amount in wanted:
            if (wait_s := bucket.wait_s(now, amount)) > 0:
                raise _limited(model, bucket, now, amount, wait_s)
        for bucket, amount in wanted:
            bucket.fill(now, amount)

    def headers(self) -> dict[str, str]:
        """What each answer says of the limits: of requests those of a day, of tokens those of a minute."""
        now = self._clock()
        found = {}
        for kind, bucket in (("requests", self._day), ("tokens", self._tokens)):
            found[f"x-ratelimit-limit-{kind}"] = str(bucket.limit)
            found[f"x-ratelimit-remaining-{kind}"] = str(bucket.limit - math.ceil(bucket.used(now)))
            found[f"x-ratelimit-reset-{kind}"] = duration(bucket.wait_s(now, bucket.limit))
        return found


class _Bucket:
    """What was used of a limit; it is used up no more after a period."""

    def __init__(self, name: str, kind: Literal["requests", "tokens"], limit: int, period_s: float) -> None:
        self.name = name
        self.kind = kind
        self.limit = limit
        self._period_s = period_s
        self._used = 0.0
        self._at = -math.inf

    def used(self, now: float) -> float:
        return max(0.0, self._used - (now - self._at) * self.limit / self._period_s)

    def wait_s(self, now: float, amount: int) -> float:
        """Seconds until so much is free."""
        return max(0.0, (self.used(now) + amount - self.limit) * self._period_s / self.limit)

    def fill(self, now: float, amount: int) -> None:
        self._used, self._at = self.used(now) + amount, now


def duration(seconds: float) -> str:
    """As the headers write it: "2m59.56s", "7.66s", "120ms"."""
    if seconds < 1:
        return f"{1000 * seconds:.0f}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{round(rest, 3):g}s"


def _limited(model: str, bucket: _Bucket, now: float, amount: int, wait_s: float) -> Refused:
    message = (
        f"Rate limit reached for model `{model}` in organization `org_stand_in` service tier `on_demand` on "
        f"{bucket.name}: Limit {bucket.limit}, Used {bucket.used(now):.0f}, Requested {amount}. "
        f"Please try again in {duration(wait_s)}."
    )
    return Refused(429, message, bucket.kind, "rate_limit_exceeded", math.ceil(wait_s))


def _check_format(asked: _Asked) -> None:
    """
    Raises:
        Refused: the response format is none that the model has.
    """
    match asked.response_format.get("type"):
        case "json_object" if not any("json" in str(m.get("content")).lower() for m in asked.messages):
            message = "'messages' must contain the word 'json' in some form, to use 'response_format' 'json_object'."
            raise Refused(400, message)
        case "json_schema" if asked.model in _WITHOUT_SCHEMAS:
            raise Refused(400, "This model does not support response format `json_schema`.")
