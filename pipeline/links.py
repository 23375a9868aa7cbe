"""Links of a message and the hosts they really lead to, whatever the text around them pretends.

All patterns start at the left edge of a word and never overlap themselves, so that time stays linear in the text.
"""

import re
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, ip_address
from unicodedata import normalize
from urllib.parse import unquote

import msgspec


class Link(msgspec.Struct, frozen=True, gc=False):
    start: int  #: place in the text that `refang` gives
    end: int
    host: str  #: lower case, labels beyond ASCII in punycode; an address of IPv4 in dotted form


#: Top-level domains seen in SMS, honest and otherwise.
_GENERIC = (
    "com net org edu gov mil int info biz name mobi asia app dev web cloud tech site online website store shop club "
    "xyz vip news blog link click support services center email digital agency company group works jobs loans credit "
    "finance financial insure fund capital market markets trade trading exchange casino bid promo icu cyou sbs cfd "
    "buzz host press rest wang download review stream science accountant faith quest monster ltd inc llc global "
    "network systems solutions media top page social travel express delivery zone google amazon apple art"
)
_COUNTRIES = (
    "ac ae af ag ai ao aq ar au aw ax az bb bd bf bg bh bj bm bn bo br bs bt bw bz ca cc cd cf cg ch ci ck cl cm cn "
    "co cr cu cv cw cx cy cz dj dk dm dz ec ee eg er eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gn gp gq gr gt "
    "gu gw gy hk hn hr ht hu ie il io iq ir jm jo jp ke kg kh ki km kn kp kr kw ky kz lb lc lk lr ls lu lv ly mc md "
    "mg mh mk ml mn mp mq mt mu mv mw mx mz nc nf ng ni nl np nr nz pe pf pg ph pk pl pn pr ps pt pw py qa ro rs ru "
    "rw sb sc sd sg sh sk sl sn sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn tr tt tw tz ua ug uk uy uz va "
    "vc ve vg vn vu wf ws yt za zm zw"
)
#: Those that are words of chat as well: "home.in", "call.me", "have.fun" are links only when they look it.
_CHATTY = (
    "ad al am as at ba be bi by de do es et gm hm id im in is it je la li lt ma me mm mo mr ms my na ne no nu om pa "
    "pm re sa se si sm so to tv us vi ye bank bar best bet cash cricket date deals fun game games gift gifts help "
    "life live lol loan men money one party poker pro quiz racing sale space team today win work world care city "
    "health ink pay run"
)
_CHAT_WORDS = frozenset(_CHATTY.split())

_TOP_LEVEL = "|".join([*f"{_GENERIC} {_COUNTRIES} {_CHATTY} рф".split(), "xn--[a-z0-9-]{2,59}"])
_SPACE = r"\s<>\"'`“”«»{}|^,;"
_LABEL = r"[a-z0-9\u00df-\u052f][a-z0-9_\u00df-\u052f-]{0,62}"
_LINK = re.compile(
    rf"https?:[/\\]{{1,3}}(?P<authority>[^{_SPACE}/\\?#()]+)(?P<rest>[^\s<>\"]*)"
    rf"|(?<![a-z0-9_.-])(?P<bare>(?:{_LABEL}\.){{1,30}}(?:{_TOP_LEVEL})|\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?=[:/]))"
    rf"(?![a-z0-9_@-])(?!\.[a-z0-9]+@)(?P<tail>(?::\d{{1,5}}(?!\d))?(?:[/?#][^\s<>\"]*)?)",
    re.IGNORECASE,
)

_DEFANGED = re.compile(
    r"\bhxxp(?=s?:)|[\[({] ?(?:\.|dot) ?[\])}]|[\[({]://[\])}]|[\u3002\uff61\u2024]|[\u2044\u2215]", re.IGNORECASE
)
#: One of these stands in every broken link; looking for them is quicker than trying the pattern.
_DEFANGERS = ("[", "(", "{", "xp", "XP", "\u3002", "\uff61", "\u2024", "\u2044", "\u2215")
_INNER_DOT = re.compile(r"\.[^\s.]")
_TRAILING = ".,;:!?)]}'\"*_~>"
_LONGEST_HOST = 253
#: An address of IPv4 as one number, as the programs of old write it: hexadecimal, octal or decimal.
_NUMERIC = re.compile(r"0x(?P<hex>[0-9a-f]{8})|0(?P<octal>[0-7]{7,11})|[1-9][0-9]{7,9}")


def refang(text: str) -> str:
    """Undo the ways in which a link is broken so that filters miss it: "hxxp", "[.]", "(dot)", foreign full stops."""
    if not any(sign in text for sign in _DEFANGERS):
        return text
    return _DEFANGED.sub(_refanged, text)


def find_links(text: str) -> list[Link]:
    """Links of a text that `refang` has been through, in order."""
    return list(_links(text))


def domains(text: str) -> list[str]:
    """Hosts that the links of a text lead to, without repetition, in order of appearance."""
    text = refang(text)
    if _INNER_DOT.search(text) is None and "://" not in text:
        return []
    return list(dict.fromkeys(link.host for link in _links(text)))


def belongs_to(host: str, entries: Collection[str]) -> str | None:
    """The entry that is the host itself or a domain above it; None where there is none."""
    place = 0
    while True:
        if host[place:] in entries:
            return host[place:]
        place = host.find(".", place) + 1
        if not place:
            return None


def canonical_host(authority: str) -> str:
    """Host of the part of a URL between the slashes, as a browser reads it; "" where nothing is left.

    Everything before the last "@" is a user name, however much it looks like a bank.
    """
    host = unquote(authority).rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()  # an address of IPv6
    host = normalize("NFKC", host.partition(":")[0][:_LONGEST_HOST]).lower().rstrip(_TRAILING).strip(".")
    number = _NUMERIC.fullmatch(host)
    if number and (address := _value(number)) < 2**32:
        return str(IPv4Address(address))
    return ".".join(_punycode(label) for label in host.split("."))


def is_ip(host: str) -> bool:
    """Whether a host is an address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _links(text: str) -> Iterator[Link]:
    for found in _LINK.finditer(text):
        bare, tail = found["bare"], found["tail"]
        if bare is not None and not _looks_like_a_link(bare, tail, text[found.start() - 1 : found.start()]):
            continue
        end = found.start() + len(found[0].rstrip(_TRAILING))
        for authority in (bare or found["authority"], _second_reading(found["rest"] or "")):
            host = canonical_host(authority)
            if host:
                yield Link(found.start(), end, host)


def _looks_like_a_link(bare: str, tail: str, before: str) -> bool:
    """Whether a dotted word without a scheme is a link: no e-mail address, nor words that lack a space between them."""
    if len(tail) > 1:
        return True
    *labels, top = bare.split(".")
    name = labels[-1]
    if before == "@" or name.isdigit():
        return False
    return top.lower() not in _CHAT_WORDS or len(labels) > 1 or len(name) > 6 or not name.isalpha()


def _second_reading(rest: str) -> str:
    """Programs differ on "http://a.com\\@b.com": some go to the one, some to the other."""
    return rest.partition("/")[0] if rest.startswith("\\") and "@" in rest else ""


def _value(number: re.Match[str]) -> int:
    if number["hex"]:
        return int(number["hex"], 16)
    return int(number["octal"], 8) if number["octal"] else int(number[0])


def _punycode(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _refanged(found: re.Match[str]) -> str:
    piece = found[0].lower()
    if "xx" in piece:
        return "http"
    if "://" in piece:
        return "://"
    return "/" if piece in "\u2044\u2215" else "."
