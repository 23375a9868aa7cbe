"""Digits of every script and style as plain ones, with nothing unseen between them."""

import re
from unicodedata import category, digit, numeric

#: Marks and joiners: what may stand on or between digits and is no character of its own.
MARKS = "".join(chr(c) for c in range(0x20000) if category(chr(c)) in ("Mn", "Mc", "Me", "Cf"))

_HAN = {ord(c): str(value) for value, c in enumerate("零一二三四五六七八九")} | str.maketrans(
    "〇壹贰叁肆伍陆柒捌玖兩两幺", "0123456789221"
)
#: Han numerals are words as well ("一次" is "once"): three in a row are no word.
_ONE = f"[{''.join(map(chr, _HAN))}]"
_HAN_RUN = re.compile(rf"{_ONE}(?:[\s.,:;/|*_·、-]{{0,3}}{_ONE}){{2,}}+")
_CLINGING = re.compile(f"(?<=[0-9])[{re.escape(MARKS)}]+")


def plain_digits(text: str) -> str:
    """The text with ASCII digits for all that has the value of a digit, and for numbers that are one character."""
    if text.isascii():
        return text
    text = _HAN_RUN.sub(lambda run: run[0].translate(_HAN), text)
    return _CLINGING.sub("", text.translate(_DIGITS))


def _plain(char: str) -> str | None:
    """What to write for a character of the categories N*; None for letters, and for fractions."""
    value = digit(char, None)
    if value is not None:
        return str(value)
    number = numeric(char, None)
    return str(int(number)) if number is not None and number == int(number) else None


_DIGITS = {
    c: plain
    for c in range(0x80, 0x20000)
    if category(chr(c)) in ("Nd", "No", "Nl") and (plain := _plain(chr(c))) is not None
}
