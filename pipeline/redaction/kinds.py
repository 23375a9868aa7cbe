"""What a run of digits, or of digits and letters, most likely is."""

import re

from pipeline.redaction.veil import Kind
from pipeline.redaction.vocabulary import CODE_WORDS

_ACCOUNT_BEFORE = re.compile(
    r"(?:(?:\ba/?c|acc?t|account|card|iban|folio|policy|loan|konto|cuenta|conta|compte|rekening|खाता|खाते|कार्ड)"
    r"\W{0,3}(?:(?:no|number|nr|num|is|ending)\W{0,3}){0,2}|end(?:ing|s|ed)?(?: in| with)?\W{0,3})\Z",
    re.IGNORECASE,
)
_PERSON_BEFORE = re.compile(
    r"(?:aadhaa?r|आधार|\bpan\b|\bssn\b|social security|passport|licen[cs]e|\bnid\b|\bnik\b|\bcpf\b|\bcurp\b|\bdni\b)"
    r"\W{0,3}(?:(?:card|no|number|nr|is)\W{0,3}){0,2}\Z",
    re.IGNORECASE,
)
_CODE_BEFORE = re.compile(rf"(?:{'|'.join(CODE_WORDS)})\W{{0,3}}(?:is\W{{0,3}})?\Z", re.IGNORECASE)
_GROUPS = re.compile(r"\d+")
_LETTER = re.compile("[A-Za-z]")
_SIGNS = re.compile(r"[\W_]+")
_TAX_ID = re.compile(r"[A-Z]{5}\d{4}[A-Z]", re.IGNORECASE)  # of India
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z\d]{11,30}", re.IGNORECASE)
#: Lengths of the groups in which national numbers are written: India, the United States, Brazil.
_NATIONAL = {(4, 4, 4), (3, 2, 4), (3, 3, 3, 2)}
_FEW = 3  # digits; fewer tell nothing
_LONGEST_CODE = 8


def kind_of(run: str, before: str) -> Kind:
    """
    Args:
        run: digits in ASCII, letters, and what separates them.
        before: some of the text before it.
    """
    if _LETTER.search(run):
        return _kind_of_mixed(_SIGNS.sub("", run), before)
    groups = _GROUPS.findall(run)
    digits = "".join(groups)
    if 13 <= len(digits) <= 19 and _luhn(digits):
        return "CARD"
    if _PERSON_BEFORE.search(before):
        return "ID"
    if _ACCOUNT_BEFORE.search(before):
        return "ACCOUNT"
    if len(digits) < _FEW:
        return "NUMBER"
    if tuple(map(len, groups)) in _NATIONAL:
        return "ID"
    if 10 <= len(digits) <= 13 and (run[0] in "+(" or digits[0] in "016789"):
        return "PHONE"
    return "ACCOUNT" if len(digits) > _LONGEST_CODE else "CODE"


def _kind_of_mixed(token: str, before: str) -> Kind:
    if _IBAN.fullmatch(token) and sum(map(str.isdigit, token)) > _LONGEST_CODE:
        return "ACCOUNT"
    if _TAX_ID.fullmatch(token) or _PERSON_BEFORE.search(before):
        return "ID"
    if set(_LETTER.findall(token)) <= {"x", "X"} or _ACCOUNT_BEFORE.search(before):
        return "ACCOUNT"
    return "ID" if len(token) > _LONGEST_CODE and _CODE_BEFORE.search(before) is None else "CODE"


def _luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812)."""
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
