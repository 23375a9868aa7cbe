"""Placeholders while a text is worked on: in a private area of Unicode, where no pattern sees letters or signs."""

import re
from typing import Literal

from pipeline.redaction.hosts import SCHEMES, plain_host

Kind = Literal["CODE", "CARD", "ACCOUNT", "PHONE", "EMAIL", "UPI", "ID", "NAME", "AMOUNT", "DATE", "TIME", "NUMBER"]

_SHIFT = 0xE000
_VEIL = {c: c + _SHIFT for c in range(0x20, 0x7F)}
_UNVEIL = {veiled: c for c, veiled in _VEIL.items()}
_BARE = dict.fromkeys(range(0xE000, 0xF900), " ")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
#: The members of a regex class: what is veiled.
VEILED = "\ue020-\ue07e"

_WRITTEN = re.compile(
    r"<(?:CODE|CARD|ACCOUNT|PHONE|EMAIL|UPI|ID|NAME|AMOUNT|DATE|TIME|NUMBER)>|<URL(?: (?P<host>[a-z#.-]{1,253}))?>"
)


def veil(text: str) -> str:
    """ASCII that is to stay as it is, put out of sight."""
    return text.translate(_VEIL)


def unveil(text: str) -> str:
    return text.translate(_UNVEIL)


def bare(text: str) -> str:
    """A text as received, without characters of the private area: they have no meaning in a message."""
    return text.translate(_BARE) if _PRIVATE.search(text) else text


def veil_written(text: str) -> str:
    """Veil the placeholders that a text came with, if they are such as `redact` writes."""
    return _WRITTEN.sub(_veil_again, text) if "<" in text else text


def placeholder(kind: Kind) -> str:
    """Veiled."""
    return _PLACEHOLDERS[kind]


def url_placeholder(host: str) -> str:
    """Veiled; see `hosts.plain_host` for what is left of the host."""
    plain = plain_host(host)
    return veil(f"<URL {plain}>" if plain else "<URL>")


def _veil_again(found: re.Match[str]) -> str:
    host = found["host"]
    return veil(found[0]) if host is None or host in SCHEMES else url_placeholder(host)


_PLACEHOLDERS = {kind: veil(f"<{kind}>") for kind in Kind.__args__}  # type: ignore[attr-defined]
