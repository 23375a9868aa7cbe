"""Codes and passwords that have no digit: only the words around them tell them from other words."""

import re

from pipeline.redaction.veil import VEILED, placeholder
from pipeline.redaction.vocabulary import CODE_WORDS, NO_CODES

_WORD = "|".join(sorted(CODE_WORDS, key=len, reverse=True))
_IS = r"(?: ?[:=] ?| (?:is|es|est|ist|adalah|hai|है|é|è)[: ] ?| - | (?=[\"'“\[(]))"
_QUOTE = r"[\"'“\[(]?"
#: "password: Tulip", "code is KXMPQT", "OTP = abC-DeF".
_ANNOUNCED = re.compile(
    rf"(?<![^\W_])(?P<word>{_WORD})(?P<rest>{_IS}{_QUOTE})(?P<code>[A-Za-z][^\s\"'“”<>()\[\],;{VEILED}]{{2,63}})",
    re.IGNORECASE,
)
#: "KXMPQT is your code".
_FOLLOWED = re.compile(
    r"(?<![^\W_])(?P<code>[A-Z]{4,12}(?:-[A-Z]{2,12}){0,3})(?= is (?:the |your |ur )(?:[\w-]{1,20} ){0,4}"
    r"(?:code|OTP|PIN|password|passcode)\b)"
)
#: Values of parameters that stand about without their link.
_PARAMETER = re.compile(
    rf"(?<![^\W_])(?:token|key|sig|auth|session|sid|otp|code|pwd|password|hash|secret)=[^\s&{VEILED}]+", re.IGNORECASE
)
#: The signature by which a phone knows the messages of an app: eleven characters at the end.
_SIGNED = re.compile(r"(?<!\S)[A-Za-z\d+/]{11}(?=\Z| @)", re.ASCII)
_TO_CAPITAL = re.compile("[a-z][A-Z]")


def hide_letter_codes(text: str) -> str:
    """The text with <CODE> for words that are announced as codes and do not look like the words of a sentence."""
    text = _ANNOUNCED.sub(_hide_announced, text)
    text = _FOLLOWED.sub(lambda found: _hidden_unless_word(found["code"]), text)
    if "=" in text:
        text = _PARAMETER.sub(lambda found: found[0].partition("=")[0] + "=" + placeholder("CODE"), text)
    return text


def hide_signature(text: str) -> str:
    """The text with <CODE> for the signature of an app at its end."""
    return _SIGNED.sub(lambda found: placeholder("CODE") if _is_jumbled(found[0]) else found[0], text)


def _hide_announced(found: re.Match[str]) -> str:
    code = found["code"].rstrip(".!?:*_~")
    after = found["code"][len(code) :]
    if not _is_no_sentence(code, found["word"], found["rest"]):
        return found[0]
    return found["word"] + found["rest"] + placeholder("CODE") + after


def _is_no_sentence(code: str, word: str, rest: str) -> bool:
    if len(code) < 3 or _hidden_unless_word(code) == code:
        return False
    told = rest.strip()[:1] in {":", "="} and word.lower() not in {"otp", "code", "pin"}
    return told or code.isupper() or _TO_CAPITAL.search(code) is not None


def _hidden_unless_word(code: str) -> str:
    return code if code.lower() in NO_CODES or "_" in code else placeholder("CODE")


def _is_jumbled(token: str) -> bool:
    """Whether capitals, digits and signs stand where no word has them."""
    capitals = len(_TO_CAPITAL.findall(token))
    return capitals > 2 or (capitals > 0 and not token.isalpha())
