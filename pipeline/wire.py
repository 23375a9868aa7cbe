"""What comes over HTTP, decoded and checked: the requests of the HTTP contract.

Errors name the field as a JSON path and never repeat its value.
"""

import json
import re
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from pipeline.errors import InvalidField, MalformedJson, TooLarge, WinnowError
from pipeline.orders import ExperimentRequest, PromoteRequest, RampRequest, RollbackRequest
from pipeline.salvage import cut
from pipeline.types import INTENTS, IntentMode, PolicyName

MessageId = Annotated[str, msgspec.Meta(min_length=1, max_length=128, description="The gateway's own id.")]
Address = Annotated[str, msgspec.Meta(max_length=64, description="E.164, short code, alphanumeric or DLT header.")]


class ClassifyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One message to classify."""

    text: Annotated[str, msgspec.Meta(description="The message, 1 to 10,000 characters.")]
    sender: Address = ""
    recipient: Address = ""
    message_id: MessageId | None = None
    policy: PolicyName | None = None
    intent: IntentMode = "auto"
    deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=30_000)] | None = None


class BatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """1 to 1,000 messages; each is decoded on its own, so that a bad one fails alone."""

    messages: list[msgspec.Raw]


class FeedbackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a message really was. `label` is spam, ham, phishing, otp, not_otp or one of the nine intents."""

    label: str
    receipt: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    message_id: MessageId | None = None
    text: str | None = None


class PolicyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Policy of one subscriber; null returns to the tenant's."""

    policy: PolicyName | None


FEEDBACK_LABELS: frozenset[str] = frozenset(("spam", "ham", "phishing", "otp", "not_otp", *INTENTS))

T = TypeVar("T")

_AT = re.compile(r" - at (?:`key` in )?`([^`]*)`$")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"contains unknown field `(.*)`", re.DOTALL)


class BadItem(msgspec.Struct, frozen=True):
    """One message of a batch that cannot be classified, and why."""

    message_id: str | None
    error: WinnowError


class Parser(Generic[T]):
    """Decodes bodies of one type."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    def __call__(self, body: bytes | msgspec.Raw) -> T:
        """The decoded body.

        Raises:
            MalformedJson: not JSON, or not UTF-8.
            InvalidField: a field is missing, unknown, of the wrong type, or text that is not Unicode.
        """
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise _invalid_field(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _malformed(bytes(body)) from None


parse_classify = Parser(ClassifyRequest)
parse_feedback = Parser(FeedbackRequest)
parse_experiment = Parser(ExperimentRequest)
parse_promote = Parser(PromoteRequest)
parse_rollback = Parser(RollbackRequest)
parse_ramp = Parser(RampRequest)
parse_policy = Parser(PolicyRequest)
_parse_batch = Parser(BatchRequest)


def parse_batch(body: bytes, most: int) -> list[ClassifyRequest | BadItem]:
    """The messages of a batch in order, each a request or the error that it alone deserves."""
    try:
        items: list[Any] = list(_parse_batch(body).messages)
    except (MalformedJson, InvalidField) as error:
        items = _salvage(body, error)
    if not items:
        raise InvalidField("needs at least one message", field="$.messages")
    if len(items) > most:
        raise TooLarge(f"holds {len(items)} messages, at most {most} are allowed", field="$.messages")
    return [_parse_item(raw) for raw in items]


def _salvage(body: bytes, error: WinnowError) -> list[bytes]:
    """The items of a batch that the decoder refuses whole, where only what is inside of them can be to blame.

    Raises:
        MalformedJson, InvalidField: the envelope is wrong, or something is not even JSON.
    """
    pieces = cut(body, "messages")
    if pieces is None or _parse_batch(pieces.envelope).messages or not all(map(_is_json, pieces.items)):
        raise error
    return pieces.items


def _parse_item(raw: bytes | msgspec.Raw) -> ClassifyRequest | BadItem:
    try:
        return parse_classify(raw)
    except WinnowError as error:
        return BadItem(_message_id(bytes(raw)), error)


def _message_id(raw: bytes) -> str | None:
    """The id of a message that is otherwise wrong, so that its error can be matched."""
    try:
        value = _lenient(raw)
    except MalformedJson:
        return None
    found = value.get("message_id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and len(found) <= 128 and _is_unicode(found) else None


def _malformed(body: bytes) -> WinnowError:
    """Why the decoder could not read a body: for a lone surrogate, where it stands."""
    try:
        _refuse_surrogates(_lenient(body))
    except InvalidField as error:
        return error
    except (MalformedJson, RecursionError):
        pass
    return MalformedJson()


def _is_json(raw: bytes) -> bool:
    """Whether this is JSON but for bytes that are not UTF-8, or nested too deeply to tell."""
    try:
        json.loads(raw.decode(errors="replace"), parse_constant=_refuse_constant, parse_int=float)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _lenient(body: bytes) -> Any:
    """JSON that may hold lone surrogates. Integers come as floats: these may have any number of digits.

    Raises:
        MalformedJson: not JSON all the same.
    """
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant, parse_int=float)
    except (ValueError, RecursionError):
        raise MalformedJson from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _refuse_surrogates(value: Any, path: str = "$") -> None:
    """Raise InvalidField for the first string that is not Unicode."""
    if isinstance(value, str) and not _is_unicode(value):
        raise InvalidField("holds a lone surrogate, which is not a character", field=path)
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_surrogates(key, path)
            _refuse_surrogates(inner, f"{path}.{key}")
    if isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_surrogates(inner, f"{path}[{index}]")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _invalid_field(problem: str) -> InvalidField:
    """A decoder's complaint as an error that names the field and does not repeat its value."""
    at = _AT.search(problem)
    path = at[1] if at else "$"
    problem = problem[: at.start()] if at else problem
    if missing := _MISSING.search(problem):
        return InvalidField("is required", field=f"{path}.{missing[1]}")
    if unknown := _UNKNOWN.search(problem):
        return InvalidField("is not a known field", field=f"{path}.{unknown[1][:64]}")
    if problem.startswith("Invalid enum value"):
        problem = "is not one of the allowed values"
    return InvalidField(problem, field=path)


def check_text(text: str, most: int, field: str = "$.text") -> None:
    """Refuse text that cannot be an SMS.

    Raises:
        InvalidField: blank, or with NUL characters.
        TooLarge: longer than `most` characters.
    """
    if len(text) > most:
        raise TooLarge(f"has {len(text)} characters, at most {most} are allowed", field=field)
    if "\0" in text:
        raise InvalidField("contains a NUL character", field=field)
    if not text or text.isspace():
        raise InvalidField("must not be empty", field=field)
