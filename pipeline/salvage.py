"""The items of a list inside a body that the decoder refuses whole because of one of them.

One lone surrogate in an item, or brackets nested deeper than a decoder's stack, spoil a batch for the decoder. Here
the body is only cut, by its brackets and without recursion; what the pieces are worth is left to the decoder.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

import msgspec

#: Strings, whole even where they never end, and what gives a body its structure.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
_DEPTH = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_MOST_TOKENS = 250_000  # about 60 ms; a batch of 1,000 whole messages has a tenth of them


class Cut(msgspec.Struct, frozen=True):
    """A body taken apart."""

    envelope: bytes  #: the body with the list emptied
    items: list[bytes]  #: as they stand there; blank ones are not left out


def cut(body: bytes, key: str) -> Cut | None:
    """Take out the list that the outermost object has under a key.

    Args:
        body: supposedly JSON; that the envelope and the items are is for the caller to check.
        key: as the body spells it, without escapes.

    Returns:
        None where there is no such list, where it does not end, or where looking on would take too long.
    """
    name = b'"%b"' % key.encode()
    last, depth = b"", 0
    places: list[int] = []  # of the bracket that opens the list, and of the commas between its items
    for token, place in _tokens(body):
        if not places:
            if token == b"[" and depth == 1 and last == name:
                places.append(place)
        elif token == b"," and depth == 2:
            places.append(place)
        elif token == b"]" and depth == 2:
            return Cut(body[: places[0] + 1] + body[place:], _between(body, [*places, place]))
        depth += _DEPTH.get(token, 0)
        last = token
    return None


def _tokens(body: bytes) -> Iterator[tuple[bytes, int]]:
    for count, found in enumerate(_TOKEN.finditer(body)):
        if count == _MOST_TOKENS:
            return
        yield found[0], found.start()


def _between(body: bytes, places: list[int]) -> list[bytes]:
    items = [body[one + 1 : other].strip() for one, other in pairwise(places)]
    return [] if items == [b""] else items
