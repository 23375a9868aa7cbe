"""Names of people, where a greeting or a title gives them away."""

import re
from collections.abc import Iterator

from pipeline.redaction.digits import MARKS
from pipeline.redaction.people import (
    ANYBODY,
    GREETINGS,
    LABELS,
    NO_NAMES,
    NOBODY,
    OF_A_BRAND,
    PARTICLES,
    SUFFIXES,
    TITLES,
)
from pipeline.redaction.veil import placeholder


def _any_of(words: list[str]) -> str:
    return "|".join(map(re.escape, sorted(set(words), key=len, reverse=True)))


#: A greeting and what separates it from whom it greets. Scripts without blanks between words need none here.
_OPENING = re.compile(
    rf"(?<![\w@/-])(?:(?P<title>{_any_of(TITLES)})(?:\.|(?<=\.))? ?(?=\S)(?<=[ .])"
    rf"|(?P<greeting>{_any_of(GREETINGS)})(?:\((?:a|o|e|as|os)\)|/a)?(?P<gap>[ ,!]{{1,3}}|(?<=[\u0e00-\u9fff])))",
    re.IGNORECASE,
)
_WORD = re.compile(rf"(?:[^\W\d_])(?:[\w'’/-]|[{re.escape(MARKS)}])*+\.?")
_CASED = re.compile(r"[A-Za-z\u00c0-\u058f\u10a0-\u10ff\u1e00-\u1fff]")
_SUFFIXED = re.compile(
    rf"(?P<name>[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]{{1,6}}?)(?=(?:{_any_of(SUFFIXES)})(?![\u4e00-\u9fff]))"
)
_NOBODY = re.compile(rf"(?:{_any_of(NOBODY)})\Z")
_ENDS = ("", *",!:;.-)।؟،")  # "" at the end of the text

_MOST_WORDS = 6  # of a name
_LOOK_AHEAD = 7  # words
_LOWER_CASED = 2  # words of a name that is written without capitals
_INITIAL = 2  # characters: "R."
#: Greetings that nothing but a person follows.
_PERSONAL = frozenset({"dear", "estimado", "estimada", "prezado", "prezada", "cher", "chère", "lieber", "liebe"})
_NAME = placeholder("NAME")


def hide_names(text: str) -> str:
    """The text with <NAME> for the words behind a greeting or a title that may be one; "Dear customer" stays."""
    pieces: list[str] = []
    place = 0
    for opening in _OPENING.finditer(text):
        start = opening.end()
        end = _name_end(text, start, opening)
        if end > start >= place:
            pieces += [text[place:start], _NAME]
            place = end
    text = "".join([*pieces, text[place:]])
    return text if text.isascii() else _SUFFIXED.sub(_hide_suffixed, text)


def _name_end(text: str, start: int, opening: re.Match[str]) -> int:
    """Where the name that starts there ends; there itself if no name does."""
    words = list(_words(text, start))
    if not words or _is_no_title(opening["title"], words[0][0]) or _is_nobody([_plain(word) for word, _ in words]):
        return start
    likely = _LOWER_CASED if (opening["greeting"] or "").lower() in _PERSONAL else 0
    if text[words[-1][1] : words[-1][1] + 1] in _ENDS and not any(_is_no_name(words, i) for i in range(len(words))):
        likely = len(words)  # all that stands before a sign is the name, however it is written
    end = start
    for i, (word, word_end) in enumerate(words[:_MOST_WORDS]):
        if _is_no_name(words, i) or not _may_be_name(word, i, likely):
            break
        end = word_end - (word.endswith(".") and len(word) > _INITIAL)
    if "," in (opening["gap"] or "") and text[end : end + 1] not in _ENDS:
        return start  # "Hello, Use 482913": a sentence, not a name
    return end


def _plain(word: str) -> str:
    return word.rstrip(".").lower()


def _is_no_name(words: list[tuple[str, int]], place: int) -> bool:
    """Whether the word at a place is one of the language; "de" in "Juan de la Cruz" and "O." are not."""
    word = words[place][0]
    if len(word) == _INITIAL and word.endswith("."):
        return False
    if place and _plain(word) in PARTICLES:
        following = next((w for w, _ in words[place + 1 :] if _plain(w) not in PARTICLES), "")
        return not following[:1].isupper() or _plain(following) in NO_NAMES
    return _plain(word) in NO_NAMES or _plain(word) in ANYBODY


def _is_no_title(title: str | None, name: str) -> bool:
    """Titles are short, and words besides: they are written "Dr" here, and "DR" before names in capitals alone."""
    if title is None or not _CASED.match(title):
        return False
    return not title[0].isupper() or (title.isupper() and not name.isupper())


def _is_nobody(words: list[str]) -> bool:
    """Whether a greeting is for anybody: "customer", or "HDFC Bank customer", but not "Ravi Kumar User ID"."""
    if words[0] in ANYBODY:
        return True
    place = next((i for i, word in enumerate(words) if word in OF_A_BRAND), None)
    return place is not None and not LABELS.intersection(words[place + 1 : place + 2])


def _words(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Words from there on and where they end, as long as nothing but a blank stands between them."""
    for _ in range(_LOOK_AHEAD):
        word = _WORD.match(text, start)
        if word is None:
            return
        yield word[0], word.end()
        ends_sentence = word[0].endswith(".") and len(word[0]) > _INITIAL
        if ends_sentence or text[word.end() : word.end() + 1] != " ":
            return
        start = word.end() + 1


def _may_be_name(word: str, place: int, likely: int) -> bool:
    """Whether a word behind a greeting is part of a name: the first `likely` are, and what is capitalised.

    In scripts without capitals the first word is one.
    """
    if place < likely:
        return True
    return word[0].isupper() or _plain(word) in PARTICLES if _CASED.match(word) else place == 0


def _hide_suffixed(found: re.Match[str]) -> str:
    return found[0] if _NOBODY.search(found["name"]) else _NAME
