"""How a batch is cut for a model: by padded tokens, and around an item that fails."""

import logging
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import describe
from pipeline.types import Ints

log = logging.getLogger(__name__)

Indices = NDArray[np.intp]


def micro_batches(lengths: Ints, budget: int) -> list[Indices]:
    """Cut items into batches whose padded size (rows times longest) stays within a budget.

    Sorted by length, so that hardly anything is padded; time goes with padded tokens, not with messages.

    Args:
        lengths: int32[N], tokens of each item; items of length 0 are in no batch.
        budget: padded tokens of a batch; an item longer than that forms a batch of its own.

    Returns:
        Indices of the items of each batch, shortest first.
    """
    order = np.argsort(lengths, kind="stable")
    order = order[np.searchsorted(lengths[order], 0, side="right") :]
    cuts: list[Indices] = []
    while len(order):
        padded = np.arange(1, len(order) + 1) * lengths[order].astype(np.int64)
        size = max(1, int(np.searchsorted(padded, budget, side="right")))
        cuts.append(order[:size])
        order = order[size:]
    return cuts


def isolate(run: Callable[[Indices], None], items: Indices) -> None:
    """Run on all items; where that fails, on halves, so that only the items that fail alone are left out.

    Args:
        run: fills in the results of the given items, or raises and fills in nothing.
        items: which items.
    """
    if not len(items):
        return
    try:
        run(items)
    except Exception as error:
        if len(items) == 1:
            log.warning("an item has no answer: %s", describe(error))
        else:
            half = len(items) // 2
            isolate(run, items[:half])
            isolate(run, items[half:])
