"""What kind of sender a message names, and its one canonical spelling.

Look-alike letters are not folded here: a foreign letter must never make a sender equal to one of a list.
"""

import re
from typing import Literal

import msgspec

SenderKind = Literal["e164", "national", "short_code", "alphanumeric", "dlt", "email", "unknown"]


class Sender(msgspec.Struct, frozen=True, gc=False):
    kind: SenderKind
    canonical: str  #: "" when nothing was given
    header: str = ""  #: the name in it: "HDFCBK" of "VM-HDFCBK-T", all of an alphanumeric one
    country_hint: str = ""  #: ISO 3166 code, "" where the sender does not tell
    category: str = ""  #: of a DLT header: P promotional, S service, T transactional, G government


_NUMBER = re.compile(r"\+?[\d\s().\-/]+", re.ASCII)
_TRUNK_ZERO = re.compile(r"\(0\)")
_NOT_DIGIT = re.compile(r"\D+")
#: India's registered headers: operator and circle, a header of six letters or digits, a category.
_DLT = re.compile(r"[A-Z]{2}-(?:([A-Z]{6}|\d{6})|([A-Z0-9]{3,9})-([PSTG]))", re.ASCII)
_ALPHANUMERIC = re.compile(r"(?=[^A-Z]*[A-Z])[A-Z0-9 &._\-+!'()/#*,:]{1,11}", re.ASCII)
_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+")

#: Calling codes of the countries that send the world's SMS; the longest one that fits counts.
_CALLING_CODES: dict[str, str] = dict(
    re.findall(
        r"(\d+):([A-Z]{2})",
        "1:US 7:RU 20:EG 27:ZA 30:GR 31:NL 32:BE 33:FR 34:ES 36:HU 39:IT 40:RO 41:CH 43:AT 44:GB 45:DK 46:SE 47:NO "
        "48:PL 49:DE 51:PE 52:MX 54:AR 55:BR 56:CL 57:CO 58:VE 60:MY 61:AU 62:ID 63:PH 64:NZ 65:SG 66:TH 77:KZ 81:JP "
        "82:KR 84:VN 86:CN 90:TR 91:IN 92:PK 93:AF 94:LK 95:MM 98:IR 212:MA 213:DZ 216:TN 221:SN 225:CI 233:GH "
        "234:NG 237:CM 250:RW 251:ET 254:KE 255:TZ 256:UG 260:ZM 263:ZW 351:PT 353:IE 358:FI 359:BG 370:LT 371:LV "
        "372:EE 375:BY 380:UA 381:RS 385:HR 386:SI 420:CZ 421:SK 593:EC 595:PY 598:UY 852:HK 853:MO 855:KH 856:LA "
        "880:BD 886:TW 960:MV 961:LB 962:JO 964:IQ 965:KW 966:SA 968:OM 971:AE 972:IL 973:BH 974:QA 977:NP 992:TJ "
        "994:AZ 995:GE 996:KG 998:UZ",
    )
)
_SHORTEST_NATIONAL = 9
_SHORTEST_PLUSLESS = 11  # fewer digits are as likely a national number: "6591234567" is of Singapore or of India


def classify_sender(raw: str) -> Sender:
    """Kind and canonical spelling of a sender as a gateway wrote it; idempotent on `.canonical`."""
    text = " ".join(raw.split())
    if _NUMBER.fullmatch(text):
        number = _classify_number(text)
        if number is not None:
            return number
    if _EMAIL.fullmatch(text):
        return Sender("email", text.lower())
    if not text.isascii():
        return Sender("unknown", text)
    return _classify_name(text.upper())


def canonical_address(raw: str) -> str:
    """The one spelling of a sender or a recipient, by `identity`; idempotent, "" when nothing was given."""
    return identity(classify_sender(raw))


def identity(sender: Sender) -> str:
    """What addresses are told apart by: the canonical spelling, with the plus that a gateway dropped.

    The kind stays "national", for 11 digits may be a number of China as well as one of the United States; but where
    two spellings meet in all their digits, one and the same number is the likelier reading by far.
    """
    lacks_plus = sender.kind == "national" and _lacks_plus(sender.canonical)
    return f"+{sender.canonical}" if lacks_plus else sender.canonical


def _classify_number(text: str) -> Sender | None:
    digits = _NOT_DIGIT.sub("", _TRUNK_ZERO.sub("", text))
    international = text.startswith("+")
    if not international and digits.startswith("00") and len(digits) > _SHORTEST_NATIONAL:
        international, digits = True, digits[2:]
    if international and 7 <= len(digits) <= 15 and not digits.startswith("0"):
        return Sender("e164", f"+{digits}", country_hint=_country(digits))
    if international:
        return None
    if 3 <= len(digits) < _SHORTEST_NATIONAL:
        return Sender("short_code", digits)
    if _SHORTEST_NATIONAL <= len(digits) <= 15:
        return Sender("national", digits, country_hint=_country(digits) if _lacks_plus(digits) else "")
    return None


def _lacks_plus(digits: str) -> bool:
    """Whether these digits hold a calling code: too many for a national number, and no trunk zero before them."""
    return len(digits) >= _SHORTEST_PLUSLESS and not digits.startswith("0")


def _classify_name(name: str) -> Sender:
    dlt = _DLT.fullmatch(name)
    if dlt:
        plain, categorised, category = dlt.groups()
        return Sender("dlt", name, plain or categorised, "IN", category or "")
    if _ALPHANUMERIC.fullmatch(name):
        return Sender("alphanumeric", name, name)
    return Sender("unknown", name)


def _country(digits: str) -> str:
    return next((_CALLING_CODES[digits[:n]] for n in (3, 2, 1) if digits[:n] in _CALLING_CODES), "")
