"""A text in all the ways in which a secret may be seen in it."""

from unicodedata import decimal, normalize

import msgspec


class Sight(msgspec.Struct, frozen=True):
    """One text in all the ways in which a secret may be seen in it."""

    text: str
    squeezed: str
    digits: str
    worded: str

    def __repr__(self) -> str:
        return "<sight>"


def look_at(text: str) -> Sight:
    return Sight(text, squeezed(text), digits_of(text), _worded(text))


def squeezed(text: str) -> str:
    """Letters and digits alone, in one case and one style."""
    return "".join(c for c in normalize("NFKC", text).lower() if c.isalnum())


def digits_of(text: str) -> str:
    """Digits of any script, as ASCII, without what stands between them."""
    return "".join(str(decimal(c)) for c in normalize("NFKC", text) if c.isdecimal())


def _worded(text: str) -> str:
    """Words between single blanks: a name is no part of another word."""
    return f" {' '.join(''.join(c if c.isalnum() or ord(c) > 0x2FF else ' ' for c in text.lower()).split())} "
