"""How senders hide wording from filters, and how people mistype."""

import random
import re
from collections.abc import Callable

Disguise = Callable[[str, random.Random], str]

_LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "l": "1", "b": "8", "g": "9"}
_LOOK_ALIKES = {
    "a": "аɑα", "c": "сϲ", "e": "еҽ", "h": "һ", "i": "іιı", "j": "ј", "k": "κ", "n": "ո", "o": "оοօ", "p": "рρ",
    "s": "ѕ", "u": "υս", "v": "ν", "w": "ԝ", "x": "х", "y": "уү", "A": "АΑ", "B": "ВΒ", "C": "СϹ", "E": "ЕΕ",
    "H": "НΗ", "I": "ІΙ", "K": "КΚ", "M": "МΜ", "N": "Ν", "O": "ОΟ", "P": "РΡ", "S": "Ѕ", "T": "ТΤ", "X": "ХΧ",
}  # fmt: skip
_ACCENTS = str.maketrans("aeioucnyAEIOUCN", "àéíöüçñýÁÈÎÓÛÇÑ")
_INVISIBLE = "\u200b\u200c\u200d\u2060\u00ad\ufeff"
_WORD = re.compile(r"[A-Za-z]{4,}")
_LINK = re.compile(r"(?:https?://|www\.)\S+|\S+\.[a-z]{2,}/\S*")


def disguise(text: str, rng: random.Random) -> str:
    """One way of hiding the wording; links stay usable."""
    way = rng.choice(_WAYS)
    pieces, end = [], 0
    for link in _LINK.finditer(text):
        pieces += [way(text[end : link.start()], rng), link.group()]
        end = link.end()
    return "".join([*pieces, way(text[end:], rng)])


def mistype(text: str, rng: random.Random) -> str:
    """A slip or a habit of haste: a swapped, missing or doubled letter, all lower case, no punctuation."""
    return rng.choice(_SLIPS)(text, rng)


def leet(text: str, rng: random.Random) -> str:
    return _some_words(text, rng, lambda word: _letters(word, rng, 0.6, lambda char: _from(_LEET, char, rng)))


def homoglyphs(text: str, rng: random.Random) -> str:
    share = rng.choice((0.25, 0.5, 0.9))
    return _letters(text, rng, share, lambda char: _from(_LOOK_ALIKES, char, rng))


def accents(text: str, rng: random.Random) -> str:
    return _letters(text, rng, 0.4, lambda char: char.translate(_ACCENTS))


def invisible(text: str, rng: random.Random) -> str:
    mark = rng.choice(_INVISIBLE)
    return "".join(char + mark if char.isalpha() and rng.random() < 0.3 else char for char in text)


def full_width(text: str, rng: random.Random) -> str:
    return _some_words(text, rng, lambda word: "".join(chr(ord(char) + 0xFEE0) for char in word))


def spaced(text: str, rng: random.Random) -> str:
    mark = rng.choice((" ", ".", "-", "*", "_"))
    return _some_words(text, rng, mark.join)


def joined(text: str, rng: random.Random) -> str:
    return "".join(char for char in text if char != " " or rng.random() < 0.6)


def shouted(text: str, rng: random.Random) -> str:
    return text.upper() if rng.random() < 0.6 else "".join(rng.choice((c.upper(), c.lower())) for c in text)


def without_vowels(text: str, rng: random.Random) -> str:
    return _some_words(text, rng, lambda word: word[0] + re.sub("[aeiou]", "", word[1:]))


def _swap(text: str, rng: random.Random) -> str:
    at = rng.randrange(max(1, len(text) - 1))
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def _drop(text: str, rng: random.Random) -> str:
    at = rng.randrange(max(1, len(text)))
    return text[:at] + text[at + 1 :]


def _double(text: str, rng: random.Random) -> str:
    at = rng.randrange(max(1, len(text)))
    return text[: at + 1] + text[at:]


def _lower(text: str, _: random.Random) -> str:
    return text.lower()


def _bare(text: str, _: random.Random) -> str:
    return re.sub(r"(?<!\d)[.,!?'](?=\s|$)", "", text)


def _letters(text: str, rng: random.Random, share: float, change: Callable[[str], str]) -> str:
    return "".join(change(char) if rng.random() < share else char for char in text)


def _some_words(text: str, rng: random.Random, change: Callable[[str], str]) -> str:
    share = rng.choice((0.3, 0.6, 1.0))
    return _WORD.sub(lambda word: change(word.group()) if rng.random() < share else word.group(), text)


def _from(table: dict[str, str], char: str, rng: random.Random) -> str:
    return rng.choice(table[char]) if char in table else char


_WAYS: tuple[Disguise, ...] = (
    leet, homoglyphs, homoglyphs, accents, invisible, full_width, spaced, joined, shouted, without_vowels,
)  # fmt: skip
_SLIPS: tuple[Disguise, ...] = (_swap, _drop, _double, _lower, _bare)
