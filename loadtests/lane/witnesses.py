"""The same messages in every segment: nothing of their verdicts may hang on the language model but the intent.

Each segment asks them for a tenant of its own, whose cache knows nothing: they are scored anew every time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadtests.lane.mix import Mix
from loadtests.lane.site import Site
from loadtests.messages import body
from training.examples import Example

EACH = 10  #: one-time passwords, and others
#: What the language model decides, and what differs each time. That others are degraded is told by the scores.
_FREE = frozenset(("otp_intent", "intent_source", "status", "degraded", "receipt"))

Verdicts = list[dict[str, Any]]


def choose(mix: Mix) -> list[Example]:
    return [mix.next(is_otp=kind) for kind in (True, False) for _ in range(EACH)]


def question(site: Site, witnesses: Sequence[Example], key: str) -> Verdicts:
    """Their verdicts, one after another."""
    return [site.classify({**body(each), "message_id": f"w{i}"}, key) for i, each in enumerate(witnesses)]


def differences(reference: Verdicts, found: Verdicts) -> Iterator[str]:
    """What differs between two rounds of questions and must not, in words."""
    for before, now in zip(reference, found, strict=True):
        if now["cache"] != "miss":
            yield f"{now['message_id']} was not scored anew: {now['cache']}"
        if changed := sorted(_changed(before, now)):
            yield f"{now['message_id']}: {', '.join(changed)}"


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for field in before.keys() | now.keys():
        if field not in _FREE and before.get(field) != now.get(field):
            yield field
    if set(before["degraded"]) - {"groq"} != set(now["degraded"]) - {"groq"}:
        yield "degraded"
