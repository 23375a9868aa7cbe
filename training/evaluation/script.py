"""The writing system of a text."""

import unicodedata
from collections import Counter
from functools import cache

#: Words that Unicode's names of letters start with, to what the scripts are called here; others keep their own.
_JOINED = {"HIRAGANA": "Japanese", "KATAKANA": "Japanese", "CJK": "Han", "FULLWIDTH": "Latin"}


def script_of(text: str) -> str:
    """The script of most of its letters: "Latin", "Devanagari", "Arabic", "Thai" …; "" without any letter."""
    counts = Counter(_script(char) for char in text if char.isalpha())
    if not counts:
        return ""
    if counts["Japanese"] and counts["Han"] >= counts["Japanese"]:
        return "Japanese"
    return counts.most_common(1)[0][0]


@cache
def _script(letter: str) -> str:
    first = unicodedata.name(letter, "OTHER").partition(" ")[0]
    return _JOINED.get(first, first.capitalize())
