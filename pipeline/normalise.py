"""One canonical text for the cache key, the features, the rules and the tokenizer.

Undoes what hides wording (invisible characters, look-alike letters, styled alphabets, stacked marks, spelt-out words)
and what merely varies (quotes, dashes, white space), and leaves the letters of every real language alone. Case stays.
`model_store.manifest.NORMALISER` names this behaviour: a change here needs a new value there.
"""

import re
from unicodedata import combining, normalize

import msgspec

from pipeline.confusables import LATIN, LOOKALIKES, MARKS, fold


class Normalised(msgspec.Struct, frozen=True, gc=False):
    text: str  #: canonical text; "" when nothing visible was there
    obfuscated: bool  #: the text as sent hid its wording


def _members(ranges: str) -> frozenset[str]:
    """The characters of a regex class: testing a set of them against a text is faster than a search."""
    spans = re.findall(r"(.)(?:-(.))?", ranges, re.DOTALL)
    return frozenset(chr(c) for first, last in spans for c in range(ord(first), ord(last or first) + 1))


_INVISIBLE = (
    "\x00-\x08\x0e-\x1b\x7f"  # controls that are not white space
    "\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLES = _members(_INVISIBLE)
_INVISIBLE_RUN = re.compile(f"[{_INVISIBLE}]+")
#: Scripts that shape their letters by ZWJ and ZWNJ: Arabic and its kin, Indic, Tibetan, Myanmar, Khmer, Mongolian.
_JOINING = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
_COMBINING = "".join(chr(c) for c in range(0x20000) if combining(chr(c)))
#: A stretch of such a script (NFKC may reorder its marks, so all of them belong), or what nobody sees elsewhere.
_STRETCH = re.compile(f"[{_JOINING}][{_JOINING}{_COMBINING}{_INVISIBLE}]*|[{_INVISIBLE}]+")

_TAG = "\U000e0000-\U000e007f"
_WORDLIKE = "0-9A-Za-zÀ-\u058f"
#: Invisible characters inside a word, overrides of the writing direction, tags that belong to no flag emoji.
_HIDDEN = re.compile(
    f"[{_INVISIBLE}](?<=[{_WORDLIKE}].)[{_INVISIBLE}]*[{_WORDLIKE}]|[\u202d\u202e]|(?<![\U0001f3f4{_TAG}])[{_TAG}]",
    re.DOTALL,
)

_SQUARED = "\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189"  # NFKC knows a third of them
_SQUARED_RUN = re.compile(f"[{_SQUARED}]{{2,}}")  # a single one is an emoji: blood group, parking
_SQUARED_LETTERS = {start + i: chr(65 + i) for start in (0x1F130, 0x1F150, 0x1F170) for i in range(26)}
_STYLED = "\u24b6-\u24e9\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d6a5\U0001f110-\U0001f129" + _SQUARED
_STYLED_LETTERS = _members(_STYLED)
_STYLED_WORD = re.compile(f"[{_STYLED}][{_STYLED}A-Za-z]|[A-Za-z][{_STYLED}]")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # there, full-width Latin is ordinary typing

#: What would come out wrong: controls of Latin-1, which are punctuation of Windows-1252 in the wrong coat, and
#: accents that stand alone, of which NFKC makes a space and a mark.
_MISFITS = {c: bytes([c]).decode("cp1252", "ignore") for c in range(0x80, 0xA0)} | str.maketrans(
    "¨¯´¸˙˚˜˝", '"-\',.°~"'
)
_MISFIT = re.compile(f"[{''.join(map(chr, _MISFITS))}]")
_DISGUISES = _INVISIBLES | _STYLED_LETTERS | frozenset(map(chr, _MISFITS))

#: Ligatures of whole phrases: NFKC makes up to 18 characters of one. Left as they are; growth stays below 7.
_PHRASE = re.compile("([\ufdfa\ufdfb]+)")
#: Quotes, dashes and blanks that only vary.
_TYPOGRAPHY = str.maketrans(
    "‘’‚‛′ʼ`“”„‟″‐‑‒–—―−\u115f\u1160\u2800",
    "'''''''" + '"""""' + "-------" + "   ",
)
_TYPOGRAPHIC = frozenset(map(chr, _TYPOGRAPHY))

_OVERLAYS = LOOKALIKES | _members(MARKS)
_MARK_STACK = re.compile(f"(?<=[{LATIN}])[{MARKS}]+")
#: Marks that some Latin orthography writes: those of Unicode's own accented letters, Yoruba's and Taiwanese's.
_ORTHOGRAPHIC = frozenset(mark for c in _members(LATIN) for mark in normalize("NFD", c)[1:]) | {"\u0329", "\u0358"}
_MOST_MARKS = 2  # on one letter, as in Vietnamese
#: A word spelt out letter by letter, "f.r.e.e" or "w i n n e r": with blanks five letters at least, for people write
#: "r u o k". Not within a link or an address.
_LETTER = rf"[{LATIN}][{MARKS}]*(?![^\W_])"
_SPELT = re.compile(
    rf"(?<![\w/@.:-])(?:{_LETTER}(?: {_LETTER}){{4,}}+|{_LETTER}([.*_|·-]){_LETTER}(?:\1{_LETTER}){{2,}}+)"
    r"(?![/@]|[.-]\w)"
)


def normalise(text: str) -> Normalised:
    """Canonical form of a message and whether it hid its wording; idempotent on its `.text`.

    Any `str` is fine; the result has at most 6 characters for one of the input.
    """
    if text.isascii() and (text.isprintable() or " ".join(text.split()).isprintable()):
        return Normalised(_join_spelt(text), False)
    visible, disguised = (text, False) if _DISGUISES.isdisjoint(text) else _undisguise(text)
    plain = _compose(visible)
    shown = plain if _OVERLAYS.isdisjoint(plain) else _unstack(fold(plain))
    return Normalised(_join_spelt(shown), disguised or shown != plain)


def _join_spelt(text: str) -> str:
    """The text with single blanks and spelt-out words joined; two blanks between two such words keep them apart."""
    flat = " ".join(text.split())
    if _SPELT.search(flat) is None:
        return flat
    return _SPELT.sub(_letters, " ".join(_SPELT.sub(_letters, text).split()))


def _letters(word: re.Match[str]) -> str:
    return "".join(filter(str.isalpha, word[0]))


def _undisguise(text: str) -> tuple[str, bool]:
    """Take out what cannot be seen and spell out what NFKC would not; and whether that hid a word."""
    seen = frozenset(text)
    hidden = styled = False
    text = _MISFIT.sub(lambda misfit: misfit[0].translate(_MISFITS), text)
    if not seen.isdisjoint(_INVISIBLES):
        hidden = _HIDDEN.search(text) is not None
        text = _STRETCH.sub(_keep_joiners, text)
    if not seen.isdisjoint(_STYLED_LETTERS):
        styled = _STYLED_WORD.search(text) is not None and _CJK.search(text) is None
        text = _SQUARED_RUN.sub(lambda run: run[0].translate(_SQUARED_LETTERS), text)
    return text, hidden or styled


def _keep_joiners(stretch: re.Match[str]) -> str:
    """The stretch without invisible characters, but with one ZWJ or ZWNJ where its script asks for one."""
    if stretch[0][0] in _INVISIBLES:
        return ""
    return _INVISIBLE_RUN.sub(lambda run: next((c for c in run[0] if c in "\u200c\u200d"), ""), stretch[0])


def _compose(text: str) -> str:
    """NFKC, but for ligatures of whole phrases, with plain quotes, dashes and blanks."""
    pieces = _PHRASE.split(text)
    pieces[::2] = [normalize("NFKC", piece) for piece in pieces[::2]]
    text = "".join(pieces)
    return text if _TYPOGRAPHIC.isdisjoint(text) else text.translate(_TYPOGRAPHY)


def _unstack(text: str) -> str:
    """Leave a Latin letter the marks that spelling needs: a pile of them hides the word under it."""
    return normalize("NFC", _MARK_STACK.sub(_keep_spelling, normalize("NFD", text)))


def _keep_spelling(stack: re.Match[str]) -> str:
    return "".join([mark for mark in stack[0] if mark in _ORTHOGRAPHIC][:_MOST_MARKS])
