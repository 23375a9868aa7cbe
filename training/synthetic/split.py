"""Which parts of the grammar and the lexicon are held out, so that the generator can be judged on what it never used.

A part is held out by a hash of its own text: about one in eight, of lists long enough to lose some. The split "train"
never uses those; the split "heldout" uses nothing else wherever a list has held-out parts.
"""

import hashlib
import random
from collections.abc import Sequence
from functools import cache
from typing import Literal

Part = Literal["train", "heldout"]

ONE_IN, SHORTEST = 8, 5


@cache
def is_held(text: str) -> bool:
    """Whether this pattern, brand or phrase belongs to the held-out slice."""
    return hashlib.blake2b(text.encode(), digest_size=2).digest()[0] % ONE_IN == 0


@cache
def usable(options: tuple[str, ...], part: Part) -> tuple[str, ...]:
    """The options that a split may use. Lists shorter than SHORTEST are shared."""
    if len(options) < SHORTEST:
        return options
    held = tuple(option for option in options if is_held(option))
    rest = tuple(option for option in options if not is_held(option))
    return (held or rest) if part == "heldout" else (rest or options)


def pick(options: Sequence[str], part: Part, rng: random.Random) -> str:
    """One usable option, evenly."""
    return rng.choice(usable(tuple(options), part))
