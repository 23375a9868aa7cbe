"""Near-duplicates of short texts, the same on every run and every machine.

Near-duplicate: Jaccard similarity of word-bigram sets >= 0.5 after lower-casing and digit masking. The search is
exact, not approximate: each text is indexed under its rarest bigrams only, which any text similar enough must share
(prefix filtering: Chaudhuri, Ganti, Kaushik 2006; Xiao et al., PPJoin, 2008), and every candidate is verified.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Protocol, TypeVar

NEAR = 0.5  #: Jaccard similarity from which two texts count as the same

_WORD = re.compile(r"\w+|[^\w\s]")
_DIGIT = re.compile(r"\d")

T = TypeVar("T")

Shingles = tuple[int, ...]  #: ids of a text's bigrams, ascending; rare bigrams have low ids


class Watch(Protocol):
    """Hands the items on one by one: whoever waits may count along."""

    def __call__(self, items: Sequence[T], /) -> Iterable[T]: ...


def unwatched(items: Sequence[T]) -> Iterable[T]:
    return items


def mask(text: str) -> str:
    """Lower case, every digit a 0: what is left of a message once its numbers are forgotten."""
    return " ".join(_DIGIT.sub("0", unicodedata.normalize("NFKC", text).lower()).split())


def cluster(texts: Sequence[str], watch: Watch = unwatched) -> list[int]:
    """Near-duplicate cluster of each text: the smallest index in its cluster. Single linkage."""
    roots = list(range(len(texts)))

    def find(item: int) -> int:
        while roots[item] != item:
            roots[item] = roots[roots[item]]
            item = roots[item]
        return item

    distinct, members = _distinct(_shingles(texts))
    for same in members:
        for other in same[1:]:
            roots[other] = same[0]
    for left, right in _candidates(distinct, watch):
        a, b = find(members[left][0]), find(members[right][0])
        if a != b and _near(distinct[left], distinct[right]):
            roots[max(a, b)] = min(a, b)
    return [find(item) for item in range(len(texts))]


def twins(texts: Sequence[str], held: Sequence[str], watch: Watch = unwatched) -> list[bool]:
    """For each text: is it a near-duplicate of any of the held ones? Not transitive."""
    shingles = _shingles([*texts, *held])
    index: dict[int, list[Shingles]] = defaultdict(list)
    for held_set in set(shingles[len(texts) :]):
        for token in _prefix(held_set):
            index[token].append(held_set)
    return [_has_twin(shingle, index) for shingle in watch(shingles[: len(texts)])]


def _shingles(texts: Sequence[str]) -> list[Shingles]:
    """Bigrams of each text as ids that rise with frequency, ties in order of spelling."""
    sets = [set(bigrams(text)) for text in texts]
    counts = Counter(bigram for grams in sets for bigram in grams)
    order = {bigram: rank for rank, bigram in enumerate(sorted(counts, key=lambda gram: (counts[gram], gram)))}
    return [tuple(sorted(order[gram] for gram in grams)) for grams in sets]


def bigrams(text: str) -> Iterator[tuple[str, str]]:
    """Neighbouring words of the masked text; a single word is a bigram with nothing."""
    words = _WORD.findall(mask(text))
    letters = [word for word in words if word[0].isalnum()] or words
    if len(letters) < 2:
        yield (letters[0] if letters else "", "")
    yield from pairwise(letters)


def _distinct(shingles: Sequence[Shingles]) -> tuple[list[Shingles], list[list[int]]]:
    """Different bigram sets and the texts that have each, ascending."""
    members: dict[Shingles, list[int]] = defaultdict(list)
    for index, shingle in enumerate(shingles):
        members[shingle].append(index)
    return list(members), list(members.values())


def _prefix(shingle: Shingles) -> Shingles:
    """The rarest bigrams: two sets of Jaccard >= NEAR share at least one of them."""
    return shingle[: len(shingle) - math.ceil(NEAR * len(shingle)) + 1]


def _candidates(distinct: Sequence[Shingles], watch: Watch) -> Iterator[tuple[int, int]]:
    """Pairs that share a rare bigram and whose sizes allow the similarity; shorter sets are indexed first."""
    index: dict[int, list[int]] = defaultdict(list)
    for item in watch(sorted(range(len(distinct)), key=lambda i: (len(distinct[i]), i))):
        shortest = math.ceil(NEAR * len(distinct[item]))
        met: set[int] = set()
        for token in _prefix(distinct[item]):
            met.update(other for other in index[token] if len(distinct[other]) >= shortest)
            index[token].append(item)
        for other in sorted(met):
            yield other, item


def _has_twin(shingle: Shingles, index: dict[int, list[Shingles]]) -> bool:
    return any(_near(shingle, other) for token in _prefix(shingle) for other in index.get(token, ()))


def _near(left: Shingles, right: Shingles) -> bool:
    shared = len(set(left).intersection(right))
    return shared >= NEAR * (len(left) + len(right) - shared)
