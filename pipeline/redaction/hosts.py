"""What is left of a link's host."""

import re

from pipeline.links import is_ip
from pipeline.redaction.vocabulary import words

#: Second-level labels under which countries sell names: "co.uk", "com.br".
_SHARED = frozenset(
    words("""
    ac co com edu firm gen go gob gouv gov govt gv id ind info ltd mil my ne net nic nom or org plc sch web
    """)
)
#: Schemes of links into apps that say what the message is about; nothing else of such a link is kept.
SCHEMES = frozenset({"upi", "tel", "sms", "mailto", "whatsapp", "market", "intent"})

_DIGIT = re.compile(r"\d")


def plain_host(host: str) -> str:
    """The registrable domain of a host, a "#" for each digit; "" where there is no name: an address, a bare word."""
    if is_ip(host) or "." not in host or not host.isascii():
        return ""
    labels = host.lower().split(".")
    known = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED else 2
    name = _DIGIT.sub("#", ".".join(labels[-known:]))
    return name if re.fullmatch(r"[a-z#.-]{1,253}", name) else ""
