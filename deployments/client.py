"""The HTTP API from the caller's side. Answers are the contract's own types; problems are Winnow's own errors."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from deployments.problem import ItemError, Problem
from pipeline.errors import ConfigError, InvalidField, Overloaded, Unavailable, WinnowError
from pipeline.findings import Report
from pipeline.later import LaterIntent
from pipeline.orders import ExperimentRequest, Listed, PromoteRequest, RampRequest, RollbackRequest
from pipeline.routing import Experiment
from pipeline.trail import ExperimentChange
from pipeline.types import Verdict
from pipeline.wire import BadItem, ClassifyRequest, FeedbackRequest

_LONGEST_WAIT_S = 5.0  #: a server that asks for more patience gets no second try
_ERRORS = {kind.code: kind for kind in WinnowError.__subclasses__()}

T = TypeVar("T")


class FeedbackReceipt(msgspec.Struct, frozen=True):
    """What became of a label."""

    status: str  #: "stored", "changed", "repeated", "outdated" (a later one is known), or "spooled" (kept on disk)
    credited_to: str | None  #: the experiment's arm that the receipt named


class LoadedModel(msgspec.Struct, frozen=True):
    """A version that the server has loaded."""

    ref: str  #: "name/version"
    kind: str
    created: str
    description: str
    metrics: dict[str, dict[str, float]]


class _Batch(msgspec.Struct, frozen=True):
    results: list[msgspec.Raw]


class _Experiments(msgspec.Struct, frozen=True):
    experiments: list[Listed]


class _Changes(msgspec.Struct, frozen=True):
    changes: list[ExperimentChange]


class _Models(msgspec.Struct, frozen=True):
    models: list[LoadedModel]


class Client:
    """One server and one key; an async context manager.

    Every method raises `Unavailable` when the server cannot be reached, and the error that the server names by its
    code otherwise. A lost connection, and an answer that asks for a short wait, are tried once more.

    Args:
        url: of the server, "http://127.0.0.1:8000".
        key: the API key.
        connections: the most that are open at once.
        timeout_s: of one try.

    Raises:
        ConfigError: the key cannot be one.
    """

    def __init__(self, url: str, key: str, *, connections: int = 100, timeout_s: float = 60.0) -> None:
        if not (key.isascii() and key.isprintable() and key):
            raise ConfigError("the API key is empty or has characters that no key has")
        self._url = url.rstrip("/")
        self._key = key
        self._connections = connections
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def classify(self, request: ClassifyRequest) -> Verdict:
        return self._read(await self._call("POST", "/v1/classify", request), Verdict)

    async def classify_batch(self, requests: Sequence[ClassifyRequest]) -> list[Verdict | BadItem]:
        """The verdict of each message, or why it has none, in order. At most 1,000 messages."""
        answer = self._read(await self._call("POST", "/v1/classify/batch", {"messages": requests}), _Batch)
        if len(answer.results) != len(requests):
            raise self._foreign()
        return [self._item(raw) for raw in answer.results]

    async def intent(self, intent_id: str) -> LaterIntent:
        """What became of the intent that a verdict on an `async` message said would follow."""
        return self._read(await self._call("GET", f"/v1/intents/{quote(intent_id, safe='')}"), LaterIntent)

    async def feedback(self, request: FeedbackRequest) -> FeedbackReceipt:
        """Say what a message really was. Sent twice it counts once."""
        return self._read(await self._call("POST", "/v1/feedback", request), FeedbackReceipt)

    async def experiments(self) -> list[Listed]:
        """Those in force, and whether their versions are ready."""
        return self._read(await self._call("GET", "/v1/experiments"), _Experiments).experiments

    async def put_experiment(self, task: str, request: ExperimentRequest) -> Experiment:
        """Set weights. Where an answer was lost they may be set twice, as two revisions of equal weights."""
        return self._read(await self._call("PUT", _path(task), request), Experiment)

    async def end_experiment(self, task: str, *, revision: int | None = None, why: str = "") -> Experiment:
        """Let the default version answer everything."""
        query = urlencode({"why": why} | ({} if revision is None else {"revision": revision}))
        return self._read(await self._call("DELETE", f"{_path(task)}?{query}"), Experiment)

    async def promote(self, task: str, request: PromoteRequest) -> Experiment:
        """Give a version all of the traffic."""
        return self._read(await self._call("POST", f"{_path(task)}/promote", request), Experiment)

    async def rollback(self, task: str, request: RollbackRequest) -> Experiment:
        """Give the control all of the traffic; where it has that, the control before it.

        Twice in a row is further back, so that a request without a revision is sent with the one of this moment: tried
        again after a lost answer, it is a conflict and not a second rollback.

        Raises:
            NotFound: there is no experiment, or nothing to go back to.
        """
        if request.revision is None:
            request = msgspec.structs.replace(request, revision=await self._revision(task))
        return self._read(await self._call("POST", f"{_path(task)}/rollback", request), Experiment)

    async def start_ramp(self, task: str, request: RampRequest) -> Experiment:
        """Give a version more and more of the traffic, as long as no guardrail is hit."""
        return self._read(await self._call("POST", f"{_path(task)}/ramp", request), Experiment)

    async def history(self, task: str, limit: int = 50) -> list[ExperimentChange]:
        """Who changed what, newest first."""
        return self._read(await self._call("GET", f"{_path(task)}/history?limit={limit}"), _Changes).changes

    async def report(self, task: str) -> Report:
        """What each version did, and what is known of the difference."""
        return self._read(await self._call("GET", f"{_path(task)}/report"), Report)

    async def models(self) -> list[LoadedModel]:
        return self._read(await self._call("GET", "/v1/models"), _Models).models

    async def _revision(self, task: str) -> int | None:
        """Of the experiment in force."""
        return next((each.revision for each in await self.experiments() if each.task == task), None)

    async def _call(self, method: str, path: str, body: Any = None) -> bytes:
        encoded = _encode(body) if body is not None else None
        try:
            return await self._send(method, path, encoded)
        except WinnowError as error:
            if error.retry_after_s is None or error.retry_after_s > _LONGEST_WAIT_S:
                raise
            await asyncio.sleep(error.retry_after_s)
        return await self._send(method, path, encoded)

    async def _send(self, method: str, path: str, body: bytes | None) -> bytes:
        try:
            async with self._session.request(method, self._url + path, data=body, allow_redirects=False) as response:
                content = await response.read()
                if response.status < 300:
                    return content
                raise self._refusal(response.status, response.headers, content)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise ConfigError(f"{self._url} is not of the form http://host:port") from None
        except TimeoutError:
            raise Unavailable(f"{self._url} gave no answer within {self._timeout_s:.0f} s") from None
        except aiohttp.ClientConnectorError as error:
            why = error.strerror or "no connection"
            raise Unavailable(f"nothing answers at {self._url} ({why}); `winnow serve` starts a server") from None
        except (aiohttp.ClientError, OSError):
            raise Unavailable(f"{self._url} closed the connection before it answered", retry_after_s=0.0) from None

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> WinnowError:
        """The error that an answer stands for."""
        wait = _seconds(headers.get("Retry-After", ""))
        try:
            return _error(msgspec.json.decode(body, type=Problem), wait)
        except (msgspec.DecodeError, UnicodeDecodeError):
            if status == 429:  # Serve itself refuses, in its own words
                return Overloaded(retry_after_s=wait)
            if status >= 500:
                return Unavailable(f"{self._url} answered {status} without a reason", retry_after_s=wait)
            return self._foreign()

    def _read(self, body: bytes | msgspec.Raw, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._foreign() from None

    def _item(self, raw: msgspec.Raw) -> Verdict | BadItem:
        try:
            return msgspec.json.decode(raw, type=Verdict)
        except msgspec.ValidationError:
            item = self._read(raw, ItemError)
            return BadItem(item.message_id, _error(item.error))

    def _foreign(self) -> WinnowError:
        return WinnowError(f"{self._url} does not answer as this version of Winnow does; is the URL right?")


def _path(task: str) -> str:
    return f"/v1/experiments/{quote(task, safe='')}"


def _error(problem: Problem, retry_after_s: float | None = None) -> WinnowError:
    kind = _ERRORS.get(problem.code, WinnowError)
    return kind(problem.detail, field=problem.field, retry_after_s=retry_after_s)


def _seconds(header: str) -> float | None:
    return float(header) if header.isdecimal() and header.isascii() else None


def _encode(body: Any) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        raise InvalidField("holds a lone surrogate, which is not a character") from None
