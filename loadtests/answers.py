"""What makes an answer a failure. A fault is a short constant phrase: locust counts failures by their words."""

from collections.abc import Mapping, Sequence
from typing import Any

REFUSALS = frozenset((429, 503))  #: how a server says that it has too much to do


def incomplete(verdict: Mapping[str, Any]) -> str | None:
    """The fault of a verdict that lacks a stage: leaving models out is no way to carry a load."""
    if verdict["status"] == "complete":
        return None
    return f"{verdict['status']}: without {', '.join(verdict['degraded'])}"


def incomplete_bulk(results: Sequence[Mapping[str, Any]], asked: int) -> str | None:
    """The fault of a bulk's answer where one of the messages asked about has no complete verdict."""
    complete = sum(result.get("status") == "complete" for result in results)
    if complete == asked == len(results):
        return None
    return f"{max(asked, len(results)) - complete} messages without a complete verdict"


def rude(retry_after: str | None) -> str | None:
    """The fault of a refusal that does not say in whole seconds when to come back.

    Args:
        retry_after: the header; None where there is none.
    """
    if retry_after is None:
        return "refused without Retry-After"
    digits = retry_after.strip()
    return None if digits.isascii() and digits.isdigit() else "refused with a Retry-After that is not in seconds"
