"""Codes read out: "four eight double two nine one" as the digits that they mean."""

import re

from pipeline.redaction.number_words import BETWEEN, EVERYDAY, FOUR_GLUED, NUMBER_WORD, TIMES, TWO_GLUED, VALUES, key
from pipeline.redaction.veil import VEILED

_FEWEST = 3  # digits; fewer are no code
_LONGEST_GAP = 4  # characters between two of them
_LONG = 12  # characters; shorter words are no four number words

_OTHERS = BETWEEN.union(TIMES)
_SIGNS = rf"\s,.:;!?()\[\]{{}}\"'“”/|\\*_·•+=~<>#{VEILED}-"
#: What stands between words; words are the other parts.
_GAP = re.compile(rf"([{_SIGNS}]+)")
_GLUED = re.compile(rf"(?<![^{_SIGNS}])[^{_SIGNS}]{{4,100}}(?![^{_SIGNS}])")


def spoken_as_digits(text: str) -> str:
    """The text with numerals for runs of number words, alone or among numerals, that make three digits or more."""
    text = _GLUED.sub(_unglued, text)
    parts = _GAP.split(text)
    words = [key(word) for word in parts[::2]]
    if VALUES.keys().isdisjoint(words):
        return text
    gaps = [len(gap) for gap in parts[1::2]] + [_LONGEST_GAP + 1]
    at = 0
    while at < len(words):
        end = _run_end(words, gaps, at)
        first, last = _trimmed(words, at, end)
        numeral = _numeral(words[first:last])
        if len(numeral) >= _FEWEST and not all(part.isdigit() for part in parts[2 * first : 2 * last : 2]):
            parts[2 * first : 2 * last - 1] = [numeral] + [""] * (2 * (last - first - 1))
        at = max(end, at + 1)
    return "".join(parts)


def _unglued(word: re.Match[str]) -> str:
    """A long word with blanks between the number words that it is made of; any other as it is.

    With digits among them it is their numeral at once: "one482913" is no sentence.
    """
    plain = key(word[0])
    found = TWO_GLUED.fullmatch(plain) or (FOUR_GLUED.search(plain) if len(plain) >= _LONG else None)
    if found is None:
        return word[0]
    parts = NUMBER_WORD.findall(found[0])
    if any(map(str.isdigit, parts)):
        return _numeral(parts)
    return f"{plain[: found.start()]} {' '.join(parts)} {plain[found.end() :]}".strip()


def _run_end(words: list[str], gaps: list[int], at: int) -> int:
    """Where the run ends that starts at a word; there itself if none does. What is said between needs both sides."""
    end = at
    while at < len(words):
        word = words[at]
        if word in VALUES or word.isdigit():
            end = at + 1
        elif end < at or word not in _OTHERS:
            break  # of the others, one at a time
        if gaps[at] > _LONGEST_GAP:
            break
        at += 1
    return end


def _trimmed(words: list[str], first: int, last: int) -> tuple[int, int]:
    """The run without everyday words at its ends that stand beside a numeral long enough for a code."""
    if last - first > 1:
        first += words[first] in EVERYDAY and _is_long(words[first + 1])
        last -= words[last - 1] in EVERYDAY and _is_long(words[last - 2])
    return first, last


def _is_long(word: str) -> bool:
    return word.isdigit() and len(word) >= _FEWEST


def _numeral(words: list[str]) -> str:
    """Digits of a run: "forty eight" is 48, "double two" 22."""
    digits, times, tens = "", 1, False
    for word in words:
        if word in TIMES:
            times = TIMES[word]
        elif word not in BETWEEN:
            value = VALUES.get(word, word)
            if tens and len(value) == 1 and value != "0":
                digits = digits[:-1]
            digits += value * times
            times, tens = 1, word in VALUES and len(value) == 2 and value[1] == "0" and value != "10"
    return digits
