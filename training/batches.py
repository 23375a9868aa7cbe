"""Texts as padded batches of few shapes, for the training of the nets."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Ids = NDArray[np.int32]
#: Sequences are padded to the next of these, so that few shapes occur.
WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256)


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int) -> list[Ids]:
    """Token ids of each canonical text, cut to `max_tokens`."""
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return [np.asarray(encoding.ids, dtype=np.int32) for encoding in tokenizer.encode_batch_fast(list(texts))]


def epoch(encoded: Sequence[Ids], tokens: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Every row once: rows of one width each, at most `tokens` padded tokens, in random order."""
    bucket = np.searchsorted(WIDTHS, [len(ids) for ids in encoded])
    cuts: list[NDArray[np.intp]] = []
    for index in np.unique(bucket):
        rows = rng.permutation(np.flatnonzero(bucket == index))
        size = max(1, tokens // WIDTHS[index])
        cuts += [rows[start : start + size] for start in range(0, len(rows), size)]
    for place in rng.permutation(len(cuts)):
        yield cuts[place]


def pad(encoded: Sequence[Ids], rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """int64[rows, width] token ids with zeros behind them."""
    longest = max(len(encoded[row]) for row in rows)
    batch = np.zeros((len(rows), WIDTHS[int(np.searchsorted(WIDTHS, longest))]), dtype=np.int64)
    for line, row in enumerate(rows):
        batch[line, : len(encoded[row])] = encoded[row]
    return batch


def rate_at(step: int, steps: int, warmup: int, peak: float) -> float:
    """Learning rate: linear warm-up, then linear decay to zero."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * max(0.0, (steps - step) / max(1, steps - warmup))
