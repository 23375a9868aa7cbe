"""Links, e-mail addresses and addresses of payment networks."""

import re

from pipeline.links import Link, find_links
from pipeline.redaction.hosts import SCHEMES
from pipeline.redaction.veil import VEILED, placeholder, url_placeholder, veil

#: "bob (at) mail.com", "bob at mail dot com": as people write addresses that programs should not find.
_SPOKEN_AT = re.compile(r" ?[\[({] ?at ?[\])}] ?", re.IGNORECASE)
_SPOKEN_MAIL = re.compile(r"(?<!\S)(\S+) at ([\w-]+(?: dot [\w-]+){1,4})(?![\w-])", re.IGNORECASE)
_SPOKEN_DOT = re.compile(" dot ", re.IGNORECASE)
_SPACED_AT = re.compile(r"(?<=\w) @ (?=[\w-]+\.[^\W\d_])")

_PART = rf"[^\s@<>()\[\]{{}},;:\"“”{VEILED}]"
_MAIL = re.compile(
    rf"(?<!{_PART}){_PART}++@(?:(?P<domain>[\w-]+(?:\.[\w-]+)*\.[^\W\d_][\w-]*)|[A-Za-z][\w-]*(?:\.\d[\w-]*)*)"
)
#: Links that `find_links` leaves to others: into apps, and to hosts of rare top-level domains with a path.
_OTHER_LINK = re.compile(
    rf"(?<!\w)(?:(?P<scheme>[A-Za-z][A-Za-z0-9+-]{{1,30}})://[^\s{VEILED}]*"
    rf"|(?P<host>[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{0,8}}\.[^\W\d_]{{2,63}})(?::\d+)?[/?][^\s{VEILED}]+)"
)
#: A link may go on behind characters that end it for a browser.
_MORE = re.compile(rf"(?:[\"<>'`]+[^\s\"<>'`{VEILED}]+)+")


def write_addresses_plainly(text: str) -> str:
    """Addresses that are spelt out, as a program would write them."""
    if "at" in text or "AT" in text or "At" in text:
        text = _SPOKEN_MAIL.sub(lambda m: f"{m[1]}@{_SPOKEN_DOT.sub('.', m[2])}", _SPOKEN_AT.sub("@", text))
    return _SPACED_AT.sub("@", text) if " @ " in text else text


def hide_addresses(text: str) -> str:
    """Links with their registrable domain alone, addresses as <EMAIL> or <UPI>."""
    if "." in text or "://" in text:
        text = _OTHER_LINK.sub(_hide_other, _hide_links(text))
    return _MAIL.sub(_hide_mail, text) if "@" in text else text


def _hide_links(text: str) -> str:
    pieces: list[str] = []
    place = 0
    for link in find_links(text):
        if link.start < place:
            continue  # a second reading of the same link
        pieces += [_without_user(text[place : link.start]), url_placeholder(link.host)]
        place = _end(text, link)
    return "".join([*pieces, text[place:]])


def _without_user(before: str) -> str:
    """What stands before a link, without the user name that belongs to it."""
    return before[: before.rfind(" ") + 1] if before.endswith("@") else before


def _end(text: str, link: Link) -> int:
    if not any(c in text[link.start : link.end] for c in "/?#"):
        return link.end
    more = _MORE.match(text, link.end)
    return more.end() if more else link.end


def _hide_other(found: re.Match[str]) -> str:
    scheme = (found["scheme"] or "").lower()
    return veil(f"<URL {scheme}>") if scheme in SCHEMES else url_placeholder(found["host"] or "")


def _hide_mail(found: re.Match[str]) -> str:
    return placeholder("EMAIL" if found["domain"] else "UPI")
