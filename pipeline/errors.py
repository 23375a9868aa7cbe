"""One tree of errors. Each class carries its code; `STATUS` is the one place that maps codes to HTTP.

No error ever carries text of a message: `detail` speaks of fields, sizes and states.
"""

from pathlib import Path
from typing import ClassVar


class WinnowError(Exception):
    """Base of all errors that a caller may see."""

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str = "", *, field: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.field = field  #: JSON path of the offending field, "$.text"
        self.retry_after_s = retry_after_s  #: seconds until another try makes sense


class MalformedJson(WinnowError):
    code, title = "malformed_json", "The body is not valid JSON"


class InvalidField(WinnowError):
    code, title = "invalid_field", "A field is missing, unknown or of the wrong kind"


class TooLarge(WinnowError):
    code, title = "too_large", "The request or one of its fields is too large"


class Unauthenticated(WinnowError):
    code, title = "unauthenticated", "A valid API key is needed"


class Forbidden(WinnowError):
    code, title = "forbidden", "The API key lacks the scope for this"


class NotFound(WinnowError):
    code, title = "not_found", "There is no such resource"


class MethodNotAllowed(WinnowError):
    code, title = "method_not_allowed", "The resource does not support this method"


class Conflict(WinnowError):
    code, title = "conflict", "Somebody else changed it first"


class Overloaded(WinnowError):
    code, title = "overloaded", "Too many messages are waiting"


class DeadlineExceeded(WinnowError):
    code, title = "deadline_exceeded", "The deadline passed before the message was classified"


class Unavailable(WinnowError):
    code, title = "unavailable", "A part that this request needs is not available"


class ConfigError(WinnowError):
    """A settings, rules or policy file is wrong; `detail` names the file, the key and the line."""

    code, title = "config", "The configuration is wrong"


class ModelError(WinnowError):
    """A model artefact is missing, tampered with or incompatible."""

    code, title = "model", "The model cannot be used"


STATUS: dict[str, int] = {
    MalformedJson.code: 400,
    Unauthenticated.code: 401,
    Forbidden.code: 403,
    NotFound.code: 404,
    MethodNotAllowed.code: 405,
    Conflict.code: 409,
    TooLarge.code: 413,
    InvalidField.code: 422,
    Overloaded.code: 429,
    Unavailable.code: 503,
    DeadlineExceeded.code: 503,
}


def describe(error: BaseException) -> str:
    """Kind and place of an error, "ValueError at pipeline/links.py:107": its own words may quote a message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    file = "/".join(Path(trace.tb_frame.f_code.co_filename).parts[-2:])
    return f"{type(error).__name__} at {file}:{trace.tb_lineno}"


def http_status(error: WinnowError) -> int:
    """HTTP status of an error; 500 for what no caller should ever see."""
    return STATUS.get(error.code, 500)
