"""Finding, once a start, what suits the machine: how much one call of the transformer holds, by how many threads."""

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.batching import Indices, micro_batches
from pipeline.types import Ints, TokenBatch

BUDGETS = (64, 96, 128, 192, 256, 512, 1024)  #: padded tokens
_WORTH = 0.95  #: the larger choice must cost less than this share: it makes others wait longer, or takes their cores

#: Tokens of the 32 messages of a typical batch: half of them are short talk, some fill two parts of an SMS.
LENGTHS: Ints = np.asarray([*range(6, 21), *range(22, 34), 38, 42, 48, 64, 80], dtype=np.int32)


Run = Callable[[TokenBatch], object]  #: has a model compute one micro-batch


def best_budget(run: Run, clock: Callable[[], float], rounds: int = 2) -> int:
    """The budget of padded tokens with which a typical batch costs least.

    Args:
        run: computes.
        clock: seconds of work; processor time tells more than the wall clock where others are busy.
        rounds: the best of so many counts.
    """
    return _cheapest({budget: _cost(run, micro_batches(LENGTHS, budget), clock, rounds) for budget in BUDGETS})


def best_threads(run: Callable[[int], Run], budget: int, most: int, clock: Callable[[], float], rounds: int = 2) -> int:
    """The number of threads, a power of two up to `most`, with which a typical batch is done soonest.

    Args:
        run: opens a model with so many threads.
        budget: padded tokens of a micro-batch.
        most: cores that may be used.
        clock: seconds of wall time.
        rounds: the best of so many counts.
    """
    candidates = [2**power for power in range(most.bit_length())]
    batches = micro_batches(LENGTHS, budget)
    return _cheapest({threads: _cost(run(threads), batches, clock, rounds) for threads in candidates})


def _cost(run: Run, batches: Sequence[Indices], clock: Callable[[], float], rounds: int) -> float:
    inputs = [_tokens(LENGTHS[batch]) for batch in batches]
    costs = []
    for _ in range(rounds):
        started = clock()
        for tokens in inputs:
            run(tokens)
        costs.append(clock() - started)
    return min(costs)


def _tokens(lengths: Ints) -> TokenBatch:
    """Any tokens: what they are does not change what they cost."""
    return TokenBatch(ids=np.ones(int(lengths.sum()), dtype=np.int32), lengths=lengths)


def _cheapest(costs: dict[int, float]) -> int:
    """The smallest candidate that is about as cheap as the cheapest one."""
    least = min(costs.values())
    return next(candidate for candidate, cost in sorted(costs.items()) if cost * _WORTH <= least)
