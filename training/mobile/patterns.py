"""Regular expressions of Winnow spelt so that every engine reads them alike.

RE2, Python, Java and ICU (Android) differ in what a digit, a word or its edge is beyond ASCII. Spelt out as classes,
they cannot. Where Winnow itself means Unicode's, the pattern says `\\p{...}`.
"""

import re

_BLANK = r"\s"
_PIECE = re.compile(r"\\.|.", re.DOTALL)
_WORD = "0-9A-Za-z_"
_EDGE = rf"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))"

#: What stands for a class within brackets: of RE2, which knows ASCII alone, and of Python.
_ASCII = {r"\d": "0-9", r"\w": _WORD, r"\s": r"\t\n\f\r "}
_UNICODE = {r"\d": r"\p{Nd}", r"\w": r"\p{L}\p{N}_", r"\s": r"\s"}


def of_re2(pattern: str) -> str:
    """Portable spelling of a pattern that Winnow gives to RE2, ignoring case."""
    return _spell(pattern, _ASCII)


def of_python(pattern: str) -> str:
    """Portable spelling of a pattern that Winnow gives to `re`; `\\b` would be ambiguous and must not occur."""
    return _spell(pattern, _UNICODE)


def _spell(pattern: str, classes: dict[str, str]) -> str:
    spelt: list[str] = []
    within = False
    for piece in _PIECE.findall(pattern):
        within = (within or piece == "[") and piece != "]"
        spelt.append(_within(piece, classes) if within else _outside(piece, classes))
    return "".join(spelt)


def _within(piece: str, classes: dict[str, str]) -> str:
    if piece in classes:
        return classes[piece]
    # Engines that know sets of strings read braces as one; control characters do not survive every editor.
    return f"\\u{ord(piece):04x}" if piece in "{}" or not (piece.isprintable() or len(piece) > 1) else piece


def _outside(piece: str, classes: dict[str, str]) -> str:
    if piece in classes:
        return f"[{classes[piece]}]"
    if piece == r"\S":
        return f"[^{classes[_BLANK]}]"
    if piece == r"\b":
        assert classes is _ASCII, "the edge of a word beyond ASCII has no portable spelling"
        return _EDGE
    return piece
