"""The many ways to write a number."""

import random

#: Latin, full-width, mathematical (bold, double-struck, monospaced), circled, superscript, subscript, Devanagari,
#: Arabic, Persian, Thai, Bengali, Tamil, Gujarati, Han.
_SCRIPTS = (
    "0123456789", "０１２３４５６７８９", "𝟬𝟭𝟮𝟯𝟰𝟱𝟲𝟳𝟴𝟵", "𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡",
    "𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿", "⓪①②③④⑤⑥⑦⑧⑨", "⓿❶❷❸❹❺❻❼❽❾", "⁰¹²³⁴⁵⁶⁷⁸⁹",
    "₀₁₂₃₄₅₆₇₈₉", "०१२३४५६७८९", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹",
    "๐๑๒๓๔๕๖๗๘๙", "০১২৩৪৫৬৭৮৯", "௦௧௨௩௪௫௬௭௮௯", "૦૧૨૩૪૫૬૭૮૯",
    "〇一二三四五六七八九",
)  # fmt: skip
_SEPARATORS = (" ", "-", ".", " - ", "  ", "_", "/", "·", "*", ", ", "\u00a0", "\n", "|", ":")
_UNSEEN = ("\u200b", "\u200c", "\u200d", "\u2060", "\u00ad", "\ufeff", "\ufe0f\u20e3")

_WORDS = {
    "English": "zero one two three four five six seven eight nine",
    "Hindi in Latin letters": "shunya ek do teen chaar paanch chhe saat aath nau",
    "Hindi": "शून्य एक दो तीन चार पांच छह सात आठ नौ",
    "Spanish": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "French": "zéro un deux trois quatre cinq six sept huit neuf",
    "German": "null eins zwei drei vier fünf sechs sieben acht neun",
    "Portuguese": "zero um dois três quatro cinco seis sete oito nove",
    "Indonesian": "nol satu dua tiga empat lima enam tujuh delapan sembilan",
}


def spell(digits: str, rng: random.Random) -> str:
    """Digits in a script, plain, in groups, or with something unseen between them."""
    text = digits.translate({ord(str(i)): char for i, char in enumerate(rng.choice(_SCRIPTS))})
    way = rng.random()
    if way < 0.3:
        return text
    if way < 0.5:
        return "".join(char + rng.choice(_UNSEEN) for char in text)
    return _in_groups(text, rng.choice((1, 2, 3, 4)), rng.choice(_SEPARATORS))


def spell_grouped(text: str, size: int, rng: random.Random) -> str:
    """In groups of a size, as people write long numbers."""
    return _in_groups(text, rng.choice((size, size, len(text))), rng.choice((" ", "-", ".", " ", "\u00a0")))


def spell_in_words(digits: str, rng: random.Random) -> str:
    """Read out in one of eight languages, at times with numerals among the words or "double two" for 22."""
    names = rng.choice(list(_WORDS.values())).split()
    share = rng.choice((0.0, 0.0, 0.5))
    words = [digit if rng.random() < share else names[int(digit)] for digit in digits]
    if names[1] == "one" and rng.random() < 0.5:
        words = _doubled(words)
    if all(word.isdecimal() for word in words):
        words[0] = names[int(digits[0])]
    style = rng.choice((str, str.upper, str.capitalize))
    return rng.choice((" ", " ", "-", ", ", "...", "\n", " - ", "/", "\u200b", "")).join(map(style, words))


def _doubled(words: list[str]) -> list[str]:
    out: list[str] = []
    for word in words:
        if out and out[-1] == word and not word.isdecimal():
            out[-1] = f"double {word}"
        else:
            out.append(word)
    return out


def _in_groups(text: str, size: int, separator: str) -> str:
    return separator.join(text[i : i + size] for i in range(0, len(text), size))
