"""Messages that a running server has not seen: the project's own generator, with a seed of the moment."""

import itertools
import secrets
from collections.abc import Iterable, Iterator

from training.examples import Example
from training.synthetic import generate

_SEEDS = 2**32
_LONGEST_ROUND = 5_000


def fresh(count: int, seed: int | None = None) -> list[Example]:
    """`count` generated messages, no text twice; a new seed each time unless one is given."""
    return list(itertools.islice(distinct(_endless(count, seed)), count))


def distinct(messages: Iterable[Example]) -> Iterator[Example]:
    """The messages in order, each text once: a cache would answer the second one."""
    seen: set[str] = set()
    for message in messages:
        if message.text not in seen:
            seen.add(message.text)
            yield message


def _endless(count: int, seed: int | None) -> Iterator[Example]:
    start = secrets.randbelow(_SEEDS) if seed is None else seed
    for each in itertools.count(start):
        yield from generate(min(count, _LONGEST_ROUND), each)
