"""The data card: what a set of examples holds, in Markdown, and how varied its wording is."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from training.examples import Example
from training.neardup import bigrams, mask


class Diversity(msgspec.Struct, frozen=True):
    """How little a set repeats itself."""

    rows: int
    distinct_per_10k: float  #: different texts in 10,000 rows, once digits are masked
    nearest: float  #: mean Jaccard similarity 0-1 of a row's word bigrams with those of its nearest neighbour
    near_share: float  #: share 0-1 of rows that have a near-duplicate


def card(examples: Sequence[Example]) -> str:
    """Counts by source, labels, intent, kind and country."""
    parts = [
        _table("source", (example.source for example in examples)),
        *(
            _table(task, (_word(getattr(example, task)) for example in examples))
            for task in ("spam", "phishing", "otp", "intent")
        ),
        _table("kind", (example.kind for example in examples)),
        _table("country", (example.country or "unknown" for example in examples)),
    ]
    return f"{len(examples)} rows\n\n" + "\n".join(parts)


def diversity(texts: Sequence[str], sample: int = 500, seed: int = 0) -> Diversity:
    """Repetition among texts. The neighbours are sought in all of them, for a sample of rows."""
    rng = random.Random(seed)
    head = texts[:10_000]
    grams = [frozenset(bigrams(text)) for text in texts]
    nearest = _nearest_of(grams, rng.sample(range(len(texts)), min(sample, len(texts))))
    return Diversity(
        rows=len(texts),
        distinct_per_10k=10_000 * len({mask(text) for text in head}) / max(1, len(head)),
        nearest=sum(nearest) / max(1, len(nearest)),
        near_share=sum(value >= 0.5 for value in nearest) / max(1, len(nearest)),
    )


def _nearest_of(grams: Sequence[frozenset[tuple[str, str]]], chosen: Iterable[int]) -> list[float]:
    """Similarity of each chosen row with its nearest other row."""
    index: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, gram_set in enumerate(grams):
        for gram in gram_set:
            index[gram].append(row)
    best = []
    for row in chosen:
        shared = Counter(other for gram in grams[row] for other in index[gram] if other != row)
        size = len(grams[row])
        best.append(max((n / (size + len(grams[other]) - n) for other, n in shared.items()), default=0.0))
    return best


def _table(title: str, values: Iterable[str]) -> str:
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return "\n".join([f"| {title} | rows |", "|---|---|", *(f"| {value} | {n} |" for value, n in counts), ""])


def _word(value: str | bool | None) -> str:
    if isinstance(value, str):
        return value
    return "unlabelled" if value is None else "yes" if value else "no"
