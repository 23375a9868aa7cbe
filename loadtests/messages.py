"""What the callers send: messages of the project's own generator. No corpus is needed and none is sent."""

import random
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, count

import msgspec

from training.examples import Example
from training.synthetic import generate

CAMPAIGNS, ZIPF = 1_000, 1.1  #: texts of campaigns, and how far the most frequent ones outweigh the rest

_DIGIT = re.compile(r"\d")


class Messages:
    """
    Args:
        texts: how many to generate now; from the second round on they get other digits.
        seed: equal seeds send equal texts.
    """

    def __init__(self, texts: int, seed: int) -> None:
        self._dice = random.Random(seed)
        self._fresh = fresh(generate(texts, seed), random.Random(seed))
        self._campaign = generate(CAMPAIGNS, seed + 1)
        self._weights = list(accumulate(rank**-ZIPF for rank in range(1, CAMPAIGNS + 1)))

    def next(self) -> Example:
        """A message that was not sent before."""
        return next(self._fresh)

    def of_campaign(self) -> Example:
        """A message out of few, Zipf-distributed: what caches and single flight are for."""
        (example,) = self._dice.choices(self._campaign, cum_weights=self._weights)
        return example


def fresh(pool: Sequence[Example], dice: random.Random) -> Iterator[Example]:
    """The pool in order; from the second round on with other digits, which most texts have, so that few repeat."""
    yield from pool
    for index in count():
        example = pool[index % len(pool)]
        text = _DIGIT.sub(lambda _: str(dice.randrange(10)), example.text)
        yield msgspec.structs.replace(example, text=text)


def body(example: Example) -> dict[str, str]:
    """The request for one message."""
    return {"text": example.text, "sender": example.sender}
