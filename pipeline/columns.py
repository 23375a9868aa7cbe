"""Scores of one batch that come from several TF-IDF bundles."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.types import INTENTS, TreeScores, Versions

#: Column of `TreeScores` to the field of `Versions` that names the bundle it is taken from.
_SOURCES = {"spam": "gate", "known": "gate", "phishing": "phishing", "otp": "otp", "intent": "intent"}
_FIELDS = tuple(dict.fromkeys(_SOURCES.values()))

Rows = Sequence[int]


def bundles_of(versions: Sequence[Versions]) -> dict[str, Rows]:
    """Bundle to the ascending indices of the messages that need it for some task."""
    first = versions[0]
    if first.gate == first.phishing == first.otp == first.intent and all(each is first for each in versions):
        return {first.gate: range(len(versions))}
    found: dict[str, list[int]] = {}
    for i, each in enumerate(versions):
        for bundle in dict.fromkeys(getattr(each, field) for field in _FIELDS):
            found.setdefault(bundle, []).append(i)
    return dict(found)


def assemble(
    versions: Sequence[Versions], bundles: Mapping[str, Rows], parts: Mapping[str, TreeScores | None]
) -> TreeScores:
    """Every score from the bundle that is to give it.

    Args:
        versions: of each of N messages.
        bundles: see `bundles_of`.
        parts: bundle to the scores of its rows, in their order; None: it gave none.

    Returns:
        Scores of the N messages, NaN where there is none.
    """
    only = next(iter(parts.values())) if len(parts) == 1 else None
    if only is not None:
        return only
    size = len(versions)
    columns = {name: np.full(size, np.nan, dtype=np.float32) for name in _SOURCES if name != "intent"}
    columns["intent"] = np.full((size, len(INTENTS)), np.nan, dtype=np.float32)
    for bundle, rows in bundles.items():
        part = parts[bundle]
        if part is not None:
            _fill(columns, part, bundle, [(place, row, versions[row]) for place, row in enumerate(rows)])
    return TreeScores(**columns)


def _fill(
    columns: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
    part: TreeScores,
    bundle: str,
    places: Sequence[tuple[int, int, Versions]],
) -> None:
    """Copy what `bundle` is to answer; `places` are a message's place in `part`, its row, and its versions."""
    for name, field in _SOURCES.items():
        wanted = [(place, row) for place, row, each in places if getattr(each, field) == bundle]
        if wanted:
            found, rows = map(list, zip(*wanted, strict=True))
            columns[name][rows] = getattr(part, name)[found]
