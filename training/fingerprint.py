"""Which rows a model was made of, in one line that nobody can read a text from."""

import hashlib
from collections.abc import Iterable

import msgspec

from training.examples import Example

_FACTS = ("text", "sender", "spam", "phishing", "otp", "intent")  #: what training reads of a row


def fingerprint(rows: Iterable[Example]) -> str:
    """SHA-256 of the rows in any order: equal ones mean the same texts, senders and labels, each as often."""
    digests = sorted(hashlib.sha256(_encode(row)).digest() for row in rows)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _encode(row: Example) -> bytes:
    text = row.text.encode(errors="replace").decode()  # a lone surrogate is not JSON
    return msgspec.json.encode([text, *(getattr(row, fact) for fact in _FACTS[1:])])
