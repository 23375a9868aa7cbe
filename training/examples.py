"""One labelled message, as every corpus and the generator give it."""

from collections.abc import Iterable

import msgspec


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A raw message with what is known of it. None: not labelled for that task, never a silent "no".

    Phishing is a kind of spam here: whoever sets `phishing` to True sets `spam` to True as well.
    """

    text: str  #: raw, as sent; normalise before use
    sender: str = ""
    spam: bool | None = None
    phishing: bool | None = None
    otp: bool | None = None
    intent: str | None = None  #: one of pipeline.types.INTENTS
    source: str  #: corpus, or "synthetic"
    country: str = ""  #: ISO 3166 code, "" when unknown
    kind: str = ""  #: what sort of message it is: chat, otp, bank, delivery, phishing_parcel …
    group: str = ""  #: near-duplicate cluster or template; a group never straddles a split


def labelled(examples: Iterable[Example], task: str) -> list[Example]:
    """Those that carry a label for `task`: "spam", "phishing", "otp" or "intent"."""
    return [example for example in examples if getattr(example, task) is not None]
