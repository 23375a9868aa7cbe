"""Every number of a text as a placeholder of its kind: sums of money, dates, times, and runs of digits."""

import re

from pipeline.redaction.kinds import kind_of
from pipeline.redaction.veil import VEILED, placeholder, veil
from pipeline.redaction.vocabulary import AFTER_NUMBER, BEFORE_NUMBER, TERMS

_CODES_OF_CURRENCIES = (
    "INR|USD|EUR|GBP|AUD|CAD|SGD|MYR|IDR|THB|PHP|VND|NGN|KES|GHS|UGX|TZS|ZAR|AED|SAR|QAR|KWD|BHD|OMR|EGP|BRL|MXN|ARS|CLP"
    "|COP|PEN|PKR|BDT|LKR|NPR|TRY|PLN|CZK|HUF|RON|RUB|UAH|SEK|NOK|DKK|CHF|HKD|NZD|JPY|CNY|KRW|TWD|ILS|XOF|XAF|FCFA|CFA|ETB"
)
_CURRENCY = (
    r"[$£€¥₹₦₱฿₫₩₺₽₪₴₵₸৳]|(?<![A-Za-z])(?:[A-Z]{1,2}\$|RM|Rp|Rs|Tk|SR|Ksh|KSh|Kz|Bs|[NR](?=\d{1,3},\d{3}|\d+\.\d\d)"
    rf"|{_CODES_OF_CURRENCIES})\.?"
)
_UNIT = (
    rf"(?:[$£€¥₹₫฿₽₺元円]|(?:{_CODES_OF_CURRENCIES}|Rs|rupees?|dollars?|pounds?|pesos?|reais|baht|บาท|руб|TL|zł|kr"
    r"|Ft|Kč|lei|din|грн|р|euro[as]?|yuan|ringgit|rupiah)(?!\w)|/-|บ\.)"
)
_SUM = r"(?:\d{1,3}(?:[.,']\d{2,3}){1,4}|\d{1,9})(?:[.,]\d{1,2})?"  # more digits are no sum of money
_AMOUNT = (
    rf"(?=\D{{1,6}}\d)(?:{_CURRENCY})[ :]?{_SUM}(?!\d)(?![.,]\d)"
    rf"|(?<![A-Za-z\d.,-])(?:\d{{1,3}}(?: \d{{3}}){{1,3}}(?:,\d\d)?|{_SUM})"
    rf"(?!\d) ?{_UNIT}(?!\.? ?\d)"
)

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_MONTH_NAME = (
    r"(?:Jan|Ene|Feb|Mar|Mär|Apr|Abr|Avr|May|Mai|Mei|Jun|Juin|Jul|Juil|Aug|Ago|Agu|Août|Sep|Set|Oct|Okt|Out|Nov|Dec|Dez"
    r"|Dic|Des|Déc)[^\W\d_]{0,6}"
)
_DATE = (
    rf"(?<![\w/.:-])(?:{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}|{_DAY}(?P<sign>[-/.]){_MONTH}(?P=sign)(?:{_YEAR}|\d\d)"
    rf"|{_MONTH}/{_DAY}/(?:{_YEAR}|\d\d)|{_DAY}(?:st|nd|rd|th)?[ -]?(?:of |de )?{_MONTH_NAME}"
    rf"(?:[ ,'-]{{1,2}}(?:de )?(?:{_YEAR}|\d\d))?"
    rf"|(?=\D{{4,12}}\d){_MONTH_NAME} {_DAY}(?:st|nd|rd|th)?(?:,? {_YEAR})?)(?![\w/:-]|\.\d)"
)
_TIME = (
    r"(?<![\w/.:-])(?:(?:[01]?\d|2[0-3])[:.h][0-5]\d(?::[0-5]\d)?(?: ?[ap]\.?m\b)?|(?:1[0-2]|0?[1-9]) ?[ap]m\b)"
    r"(?![\w/:-]|\.\d)"
)
_KEEPS_ITS_MEANING = re.compile(rf"(?P<amount>{_AMOUNT})|(?P<date>{_DATE})|(?P<time>{_TIME})", re.IGNORECASE)

_LETTERS = "A-Za-z"
_EDGE = rf"(?<![{_LETTERS}\d])"
_END = rf"(?![{_LETTERS}\d])"
_MIXED = re.compile(rf"[{_LETTERS}][ -]?\d|\d-?[{_LETTERS}]")
_TERM = re.compile(rf"{_EDGE}(?:{'|'.join(map(re.escape, TERMS))}){_END}", re.IGNORECASE)

#: All but the end of an account or card hidden: "XX1234", "****1234", "...1234".
_MASKED = re.compile(
    rf"(?:{_EDGE}(?:[xX]+|[*•#]{{2,}}|\*|•|\.{{3}})[-*•xX ]{{0,30}})(?<!#)\d{{2,6}}(?![{_LETTERS}\d*])"
)

#: A group has a digit; groups belong together across a blank or a sign, and so do capitals or single letters between
#: two of them, and letters that a hyphen ties to the first or the last: "A 1 B 2", "482-KX", "XK-4829".
_GROUP = rf"[{_LETTERS}]*+\d[{_LETTERS}\d]*+"
_JOIN = r"(?: - (?=\d{1,3}(?!\d))|[-·•*|/:()+~#\\_=] ?| [·•*|/:()+~#\\_=] ?| (?=[^-])|[.,])"
_BETWEEN = rf"(?:(?:[{_LETTERS}]|[A-Z]{{2,6}}){_JOIN}){{0,6}}"
_LEAD = rf"(?:[{_LETTERS}]{{1,8}}[-_]){{0,3}}(?:[A-Z] (?=\d\W[A-Z]\W\d))?"
_RUN = re.compile(
    rf"{_EDGE}(?P<lead>{_LEAD})(?P<run>\+?\(?{_GROUP}(?:{_JOIN}{_BETWEEN}{_GROUP})*+)"
    rf"(?P<tail>(?:[-_][{_LETTERS}]{{1,6}}{_END})*)"
)
_AFFIXED = re.compile(rf"(?P<before>[{_LETTERS}]*)(?P<core>.*\d)(?P<after>[{_LETTERS}]*)\Z", re.DOTALL)
_LETTER_GROUP = re.compile(rf"[{_LETTERS}]+")
#: What a run is follows from the words before it, too.
_CONTEXT = 28

_FEW = placeholder("NUMBER")
#: Small numbers in a row are a code in pieces.
_PIECES = re.compile(rf"{_FEW}(?:[^\w{VEILED}]{{1,3}}{_FEW}){{2,}}")
_DIGIT = re.compile("[0-9]")


def hide_numbers(text: str) -> str:
    """The text without a digit that is not part of one of `TERMS`."""
    if _DIGIT.search(text) is None:
        return text
    if _MIXED.search(text):
        text = _TERM.sub(lambda term: veil(term[0]), text)
    text = _KEEPS_ITS_MEANING.sub(_hide_meaning, text)
    text = _RUN.sub(_hide_run, _MASKED.sub(placeholder("ACCOUNT"), text))
    return _PIECES.sub(placeholder("CODE"), text)


def _hide_meaning(found: re.Match[str]) -> str:
    if found["amount"]:
        return placeholder("AMOUNT")
    return placeholder("DATE" if found["date"] else "TIME")


def _hide_run(found: re.Match[str]) -> str:
    lead, run, tail = found["lead"], found["run"], found["tail"]
    affixed = _AFFIXED.match(run)
    assert affixed
    before = affixed["before"] if affixed["before"].lower() in BEFORE_NUMBER else ""
    after = affixed["after"] if affixed["after"].lower() in AFTER_NUMBER else ""
    core = run[len(before) : len(run) - len(after)]
    if core.startswith("(") and ")" not in core:
        before, core = "(", core[1:]  # it opens a bracket of the sentence, not of the number
    if " " not in lead and _are_all_of(BEFORE_NUMBER, lead):
        before, lead = lead + before, ""
    if _are_all_of(AFTER_NUMBER, tail):
        after, tail = after + tail, ""
    context = found.string[max(0, found.start() - _CONTEXT) : found.start()] + before
    return before + placeholder(kind_of(lead + core + tail, context)) + after


def _are_all_of(known: frozenset[str], letters: str) -> bool:
    return known.issuperset(_LETTER_GROUP.findall(letters.lower()))
