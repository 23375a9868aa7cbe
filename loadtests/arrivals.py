"""When messages arrive whose senders do not wait for one another's answers."""

import random
from collections.abc import Iterator


def poisson(rate: float, dice: random.Random) -> Iterator[float]:
    """Seconds from the start at which messages arrive, without end: independent of each other, `rate` a second.

    Args:
        rate: greater than 0. Streams add up: two of them at half the rate are one at the whole.

    Raises:
        ValueError: the rate is not greater than 0.
    """
    if not rate > 0.0:
        raise ValueError("arrivals need a rate greater than 0")
    return _running_sum(rate, dice)


def _running_sum(rate: float, dice: random.Random) -> Iterator[float]:
    due = 0.0
    while True:
        due += dice.expovariate(rate)
        yield due
