"""Taking batches of tokens apart and putting them together again, by model version."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.batching import Indices
from pipeline.types import TokenBatch


def by_version(versions: Sequence[str]) -> dict[str, Indices]:
    """Version to the indices of its items, ascending."""
    if versions and versions.count(versions[0]) == len(versions):
        return {versions[0]: np.arange(len(versions))}
    groups: dict[str, list[int]] = {}
    for i, version in enumerate(versions):
        groups.setdefault(version, []).append(i)
    return {version: np.asarray(items, dtype=np.intp) for version, items in groups.items()}


def select(tokens: TokenBatch, items: Indices) -> TokenBatch:
    """The items at these indices, in that order."""
    if len(items) == len(tokens.lengths) and bool((items[:-1] < items[1:]).all()):
        return tokens
    ends = np.cumsum(tokens.lengths)
    starts = ends - tokens.lengths
    pieces = [tokens.ids[starts[i] : ends[i]] for i in items]
    return TokenBatch(ids=np.concatenate(pieces) if pieces else tokens.ids[:0], lengths=tokens.lengths[items])


def merge(parts: Mapping[str, TokenBatch], groups: Mapping[str, Indices]) -> TokenBatch:
    """Undo `by_version`: the parts of all versions as one batch in the items' original order."""
    batches = [parts[version] for version in groups]
    if len(batches) == 1:
        return batches[0]
    joined = TokenBatch(
        ids=np.concatenate([batch.ids for batch in batches]),
        lengths=np.concatenate([batch.lengths for batch in batches]),
    )
    return select(joined, np.argsort(np.concatenate(list(groups.values()))))
