"""Words for digits and small numbers, in the languages in which people read codes out."""

import re
from unicodedata import normalize

from pipeline.redaction.vocabulary import words

#: Words for 0 to 9; "|" between ways to write one. English, Hindi, Spanish, French, German, Portuguese, Indonesian,
#: Italian.
_DIGITS = (
    "zero|oh|nought one two three four five six seven eight nine",
    "shunya|sunya ek do teen char|chaar paanch|panch|pach che|chhe|chah|chhah saat|sat aath|ath nau",
    "शून्य|शुन्य एक दो तीन चार पांच|पाँच छह|छः|छ|छे सात आठ नौ",
    "ज़ीरो|जीरो वन टू थ्री फोर|फ़ोर फाइव|फ़ाइव सिक्स सेवन एट नाइन|नाईन",
    "cero uno|una dos tres cuatro cinco seis siete ocho nueve",
    "zéro un|une deux trois quatre cinq six sept huit neuf",
    "null eins|ein|eine zwei|zwo drei vier fünf|fuenf sechs sieben acht neun",
    "zero um|uma dois|duas três quatro cinco seis|meia sete oito nove",
    "nol|kosong satu dua tiga empat lima enam tujuh|tuju delapan|lapan sembilan",
    "zero uno|una due tre quattro cinque sei sette otto nove",
)
#: Words for 10 to 19.
_TEENS = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "das gyarah barah terah chaudah pandrah solah satrah atharah unnis",
    "दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस",
    "diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve",
    "dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf",
    "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "dez onze doze treze catorze|quatorze quinze dezesseis dezessete dezoito dezenove",
)
#: Words for 20, 30, to 90.
_TENS = (
    "twenty thirty forty|fourty fifty sixty seventy eighty ninety",
    "bees tees chalis pachas saath sattar assi nabbe",
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "vingt trente quarante cinquante soixante septante huitante nonante",
    "zwanzig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
)

#: "double two" is 22.
TIMES = {
    **dict.fromkeys(words("double dobel dubel doble doppel doppelt duplo dabal डबल"), 2),
    **dict.fromkeys(words("triple tripel tripal treble triplo ट्रिपल"), 3),
}
#: What one says between digits.
BETWEEN = frozenset(
    words("""
    and then next comma dash hyphen space dot point y luego e et puis und dann dan lalu aur phir और फिर
    """)
)
#: Everyday words besides: they are no part of a code of numerals that they merely stand beside.
EVERYDAY = frozenset(words("one do oh un une um uma ein eine una sat das once meia sei che tre due"))

_ACCENTS = re.compile("[\u0300-\u036f]")


def key(word: str) -> str:
    """A word without case and accents of Latin letters."""
    if word.isascii():
        return word.lower()
    return normalize("NFKC", _ACCENTS.sub("", normalize("NFD", word.casefold())))


def _values() -> dict[str, str]:
    values: dict[str, str] = {}
    for table, first, step in ((_TENS, 20, 10), (_TEENS, 10, 1), (_DIGITS, 0, 1)):
        for line in table:
            for i, ways in enumerate(line.split()):
                values |= {key(word): str(first + step * i) for word in ways.split("|")}
    return values


#: Word, as `key` gives it, to its numeral.
VALUES = _values()


def _longest_first(ways: list[str]) -> str:
    return "|".join(sorted(ways, key=len, reverse=True))


_TIMES = _longest_first(list(TIMES))
_OF_A_LANGUAGE = [_longest_first([key(word) for word in re.split("[ |]", line)]) for line in _DIGITS]
#: Number words of one language, two of them or digits, without anything between them; and four of them.
TWO_GLUED = re.compile("|".join(rf"(?:{ways}|{_TIMES}|\d){{2,}}" for ways in _OF_A_LANGUAGE))
FOUR_GLUED = re.compile("|".join(f"(?:{ways}|{_TIMES}){{4,}}" for ways in _OF_A_LANGUAGE))
NUMBER_WORD = re.compile(rf"\d+|{_longest_first([*VALUES, *TIMES])}")
