"""What leaves the house for a language model: the wording of a message without its secrets.

Whatever holds three digits or more and is not plainly an amount, a date or a time becomes a placeholder, however the
digits are spaced and in whatever script they are written; links keep their host alone. Redacting too much costs the
model a little context, redacting too little costs a customer his account.
"""

import re
from unicodedata import digit

from pipeline.links import Link, find_links, refang
from pipeline.normalise import normalise

_CURRENCY = (
    r"[$£€¥₹₦₱฿₫₩₺₽₪₴₵₸]|(?<![A-Za-z])(?:R\$|RM|Rp|Rs|INR|USD|EUR|GBP|AUD|CAD|SGD|MYR|IDR|THB|PHP|VND|NGN|KES|Ksh|ZAR|AED"
    r"|SAR|BRL|MXN|PKR|BDT|LKR|NPR|TRY|PLN|CHF|HKD|NZD|JPY|CNY)\.?"
)
_UNIT = r"(?:[$£€¥₹₫฿₽₺]|(?:INR|USD|EUR|GBP|Rs|rupees?|dollars?|euros?|pounds?|baht|บาท|руб|TL|zł|kr)\b|/-|%)"
_SUM = r"(?:\d{1,3}(?:,\d{2,3}){1,4}|\d{1,9})(?:\.\d{1,2})?"  # more digits are no sum of money
_AMOUNT = (
    rf"(?:{_CURRENCY})[ :]?{_SUM}(?!\d)(?![.,]\d)"
    rf"|(?<![A-Za-z\d.,-]){_SUM}(?!\d) ?{_UNIT}(?!\.? ?\d)"
)

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_MONTH_NAME = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_WHEN = (
    rf"(?<![\w/.:-])(?:{_YEAR}[-/]{_MONTH}[-/]{_DAY}|{_DAY}([-/.]){_MONTH}\1{_YEAR}|{_MONTH}/{_DAY}/{_YEAR}"
    rf"|{_DAY}/{_MONTH}/\d\d|{_DAY}(?:st|nd|rd|th)?[ -]?{_MONTH_NAME}(?:[ ,'-]{{1,2}}(?:{_YEAR}|\d\d))?"
    rf"|{_MONTH_NAME} {_DAY},? {_YEAR}|(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(?![\w/:-]|\.\d| \d)"
    r"|(?<![\w])24 ?[x*/] ?7(?![\w])"
)

_MAIL = r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
#: An address of India's payment network: "name@bank", no dot behind the "@".
_PAYMENT_ADDRESS = r"(?<![\w.+-])[\w.+-]{2,64}@[A-Za-z]{2,20}\b"
#: Digits, however separated, with what clings to them: masks and signs before, letters on both sides.
_DIGITS = (
    r"(?<![A-Za-z\d])(?P<prefix>[A-Za-z]*[-#*•]{0,20})(?P<number>\+?\(?\d(?:(?: ?[-.·•*/_|:()] ?| {1,2}|,)?\d)*)"
    r"(?P<suffix>[A-Za-z\d]*)"
)
_DETAIL = re.compile(
    rf"(?P<mail>{_MAIL})|(?P<address>{_PAYMENT_ADDRESS})|(?P<kept>{_AMOUNT}|{_WHEN})|{_DIGITS}".replace(r"\1", r"\4"),
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_USER_NAME = re.compile(r"[^\s@<>]{1,64}@\Z")
_ACCOUNT_BEFORE = re.compile(
    r"(?:a/?c|acc?t|account|card|ending|iban|folio|policy|loan)\W{0,3}(?:(?:in|with|no)\W{0,3})?\Z", re.I
)
_CODE_WORDS = frozenset({"otp", "pin", "code", "tac", "tan"})
_FEW = 3  # digits; fewer tell nothing


def redact(text: str) -> str:
    """The canonical text with typed placeholders for its secrets.

    <CODE>, <CARD>, <ACCOUNT>, <PHONE>, <EMAIL>, and <URL host> for links, without path, query and user name.
    """
    text = refang(normalise(text).text)
    pieces: list[str] = []
    place = 0
    for link in find_links(text):
        if link.start < place:
            continue  # a second reading of the same link
        pieces.append(_redact_plain(_USER_NAME.sub("", text[place : link.start])))
        pieces.append(f"<URL {_plain_host(link)}>")
        place = link.end
    pieces.append(_redact_plain(text[place:]))
    return "".join(pieces)


def _plain_host(link: Link) -> str:
    digits = len(_DIGIT.findall(link.host))
    return _DIGIT.sub("#", link.host) if digits >= _FEW else link.host


def _redact_plain(text: str) -> str:
    return _DETAIL.sub(_placeholder, text)


def _placeholder(found: re.Match[str]) -> str:
    if found["mail"]:
        return "<EMAIL>"
    if found["address"]:
        return "<ACCOUNT>"
    if found["kept"]:
        return found[0]
    prefix, number, suffix = found["prefix"], found["number"], found["suffix"]
    digits = "".join(str(digit(c)) for c in _DIGIT.findall(number + suffix))
    if len(digits) < _FEW and not _looks_like_a_code(found[0], len(digits)):
        return found[0]
    kept = prefix if prefix[-1:] in {"-", "#"} or prefix.lower() in _CODE_WORDS else ""
    if number.startswith("(") and ")" not in number:
        kept += "("  # it opens a bracket of the sentence, not of the number
    return kept + _kind(digits, number, masked=_is_mask(prefix) or _follows_account(found))


def _looks_like_a_code(token: str, digits: int) -> bool:
    """Codes of letters and digits are written in capitals: "K7Q2XM"."""
    return digits > 1 and len(token) > 4 and token.isalnum() and token.isupper()


def _kind(digits: str, number: str, *, masked: bool) -> str:
    if 13 <= len(digits) <= 19 and _luhn(digits):
        return "<CARD>"
    if masked:
        return "<ACCOUNT>"
    if 10 <= len(digits) <= 13 and (number[0] in "+(" or digits[0] in "06789" or digits.startswith("1")):
        return "<PHONE>"
    return "<ACCOUNT>" if len(digits) > 8 else "<CODE>"


def _is_mask(prefix: str) -> bool:
    return bool(prefix) and set(prefix.lower()) <= set("x*•-") and prefix.strip("-") != ""


def _follows_account(found: re.Match[str]) -> bool:
    return _ACCOUNT_BEFORE.search(found.string[max(0, found.start() - 24) : found.start()]) is not None


def _luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812)."""
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
