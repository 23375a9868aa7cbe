"""Further features of a message's shape, beside the 23 heuristics: what matters in any language.

Wording differs from country to country; a lone code, a link, a sender's kind and loud typing do not.
"""

import re
from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np

from pipeline.heuristics import PatternSet
from pipeline.types import Floats

EXTRAS: tuple[str, ...] = (
    "length",  # characters / 160
    "words",  # words / 32
    "digit_share",
    "upper_share",  # of the letters of ASCII
    "non_ascii_share",  # of the bytes
    "digit_runs",  # / 8
    "code_shapes",  # stand-alone codes of 4 to 8 digits, with or without a dash or a prefix
    "long_numbers",  # numbers of 9 and more digits, as phones and consignments have
    "slashes",  # / 4
    "dots",  # / 8
    "exclamations",
    "questions",
    "sender_missing",
    "sender_short_code",
    "sender_name",  # alphanumeric
    "sender_phone",
    # Present or absent, from one pass over the patterns below.
    "has_scheme_link",
    "has_bare_link",
    "has_odd_tld",
    "has_ip_link",
    "has_code_word",
    "has_code_warning",
    "has_reply_or_text_number",
    "has_opt_out",
    "has_web_otp",
    "has_amount",  # currency signs and codes beside digits
    "has_masked_number",
)

_TLDS = (
    "com|net|org|in|co|uk|us|io|ly|me|gl|app|info|biz|cc|top|xyz|club|site|online|shop|live|vip|icu|link|click|gov"
    "|id|ng|za|sg|th|vn|ph|my|de|fr|it|es|nl|br|ru"
)
_BARE_LINK = rf"\b[a-z0-9-]{{2,}}\.(?:{_TLDS})\b(?:/\S*)?"
_ODD_TLD = (
    r"\.(?:top|xyz|club|site|online|shop|vip|icu|link|click|live|cc|buzz|rest|cyou|sbs|cfd|monster|work|win|bid)\b"
)

#: What a code is called, and "do not share it", in the languages of large populations: Latin script by whole words.
_CODE_WORDS = (
    r"\b(?:otp|codes?|passcode|pin|tan|password|c[oó]digo|clave|contrase[nñ]a|senha|mot de passe|kode|sandi|kodu|kod)\b"
    r"|\b(?:wachtwoord|passwort|codice|m[aã] x[aá]c)\b|код|пароль|कोड|ओटीपी|কোড|குறியீ|รหัส|رمز|كود"
    r"|验证码|校验码|認証|確認コード|인증번호"
)
_CODE_WARNINGS = (
    r"\b(?:do not|don'?t|never|not to) (?:share|disclose|give|tell|forward|reveal)\b|\bno (?:lo )?compart"
    r"|\bn[aã]o (?:o )?compartilhe|\bne (?:le )?(?:partagez|communiquez|divulguez)|\bnicht weiter"
    r"|\bjangan (?:berikan|bagikan|beri|kongsi|dedahkan)|\bpaylaşma|share mat|na batay"
    r"|не сообщайте|никому|साझा न|किसी (?:को|के)|ห้าม|لا تشارك|请勿|勿向|绝不|공유하지"
)
#: In the order of the last columns of `EXTRAS`.
PATTERNS = (
    r"https?://",
    _BARE_LINK,
    _ODD_TLD,
    r"https?://\d+\.\d+\.\d+\.\d+",
    _CODE_WORDS,
    _CODE_WARNINGS,
    r"\b(?:txt|text|reply|send|sms|call|ring|dial)\b.{0,30}\b\d{4,}\b",
    r"\b(?:stop|opt ?out|unsub(?:scribe)?)\b",
    r"(?:^|\s)@[a-z0-9.-]+\.[a-z]+ #\w+",
    r"[$£€₹₦₱฿₫₩¥₺₽₪]\s?\d|\d\s?[$£€₹₫₩¥₺₽฿]"
    r"|\b(?:rs\.?|inr|usd|gbp|eur|ngn|kes|ksh|zar|php|idr|rp\.?|myr|rm|sgd|thb|vnd|aed|sar|brl|mxn|r\$)\s?\d",
    r"[x*•]{2,}-?\d{2,5}\b|\bending (?:in |with )?\d{2,5}\b|\ba/c (?:no\.? ?)?\w*\d{3,4}\b",
)
_PRESENT = PatternSet(PATTERNS)

CODE = re.compile(r"(?<![\w.,/:-])(?:[A-Z]{1,3}-)?(?:\d{4,8}|\d{3}[- ]\d{3})(?![\w/:-]|[.,]\d)")
_RUN = re.compile(r"\d+")
_UPPER, _LOWER, _DIGITS = (string.encode() for string in (ascii_uppercase, ascii_lowercase, digits))
_BEYOND_ASCII = bytes(range(128, 256))


def extra_matrix(texts: Sequence[str], senders: Sequence[str]) -> Floats:
    """float32[N, len(EXTRAS)]: shape of canonical texts and their senders; counts are capped, shares are 0-1."""
    rows = [_features(text, sender) for text, sender in zip(texts, senders, strict=True)]
    return np.asarray(rows, dtype=np.float32).reshape(len(rows), len(EXTRAS))


def _features(text: str, sender: str) -> list[float]:
    row = [*_shape(text), *_sender(sender), *[0.0] * len(PATTERNS)]
    for index in _PRESENT.matches(text):
        row[index - len(PATTERNS)] = 1.0
    return row


def _shape(text: str) -> list[float]:
    raw = text.encode()
    size = max(1, len(raw))
    upper, lower = size - len(raw.translate(None, _UPPER)), size - len(raw.translate(None, _LOWER))
    runs = _RUN.findall(text)
    return [
        min(len(text) / 160, 4.0),
        min(text.count(" ") / 32, 4.0),
        1.0 - len(raw.translate(None, _DIGITS)) / size,
        upper / max(1, upper + lower),
        1.0 - len(raw.translate(None, _BEYOND_ASCII)) / size,
        min(len(runs) / 8, 2.0),
        float(min(len(CODE.findall(text)), 3)) if runs else 0.0,
        float(min(sum(len(run) >= 9 for run in runs), 3)),
        min(text.count("/") / 4, 2.0),
        min(text.count(".") / 8, 2.0),
        float(min(text.count("!"), 4)),
        float(min(text.count("?"), 4)),
    ]


def _sender(sender: str) -> list[float]:
    """Missing, short code, name, phone number."""
    digits = sender.removeprefix("+")
    if not sender:
        return [1.0, 0.0, 0.0, 0.0]
    if not digits.isdigit():
        return [0.0, 0.0, 1.0, 0.0]
    return [0.0, 0.0, 0.0, 1.0] if len(digits) > 8 else [0.0, 1.0, 0.0, 0.0]
