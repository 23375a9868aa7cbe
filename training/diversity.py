"""How little a set of messages repeats itself."""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from pipeline.links import find_links, refang
from pipeline.normalise import normalise
from training.neardup import NEAR, Watch, bigrams, unwatched

_NUMBER = re.compile(r"\d[\d.,:/-]*")
_HEAD = 10_000


class Diversity(msgspec.Struct, frozen=True):
    """How little a set repeats itself."""

    rows: int
    distinct_per_10k: float  #: different templates in 10,000 rows
    nearest: float  #: mean Jaccard similarity 0-1 of a row's word bigrams with those of its nearest neighbour
    near_share: float  #: share 0-1 of rows that have a near-duplicate


def diversity(texts: Sequence[str], sample: int = 500, seed: int = 0, watch: Watch = unwatched) -> Diversity:
    """Repetition among texts. Templates are counted in the first 10,000 rows, and neighbours sought in all of them,
    for a sample of rows."""
    rng = random.Random(seed)
    head = texts[:_HEAD]
    grams = [frozenset(bigrams(text)) for text in texts]
    nearest = _nearest_of(grams, watch(rng.sample(range(len(texts)), min(sample, len(texts)))))
    return Diversity(
        rows=len(texts),
        distinct_per_10k=_HEAD * len({template(text) for text in head}) / max(1, len(head)),
        nearest=sum(nearest) / max(1, len(nearest)),
        near_share=sum(value >= NEAR for value in nearest) / max(1, len(nearest)),
    )


def template(text: str) -> str:
    """What a message and its refilled copies share: normalised, without case, each link and each number as one sign."""
    plain = refang(normalise(text).text)
    for link in reversed(find_links(plain)):
        plain = f"{plain[: link.start]}<>{plain[link.end :]}"
    return " ".join(_NUMBER.sub("0", plain).casefold().split())


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
