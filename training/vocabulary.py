"""The vocabulary of the TF-IDF models, learned from canonical texts."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from pipeline.extras import EXTRAS
from pipeline.heuristics import HEURISTICS
from pipeline.tfidf import FeatureMap, letter_grams, terms, tokens

_PRIVATE = "feedback"  #: source of rows whose words may not be in a file that is published


def public_texts(texts: Iterable[str], sources: Iterable[str]) -> list[str]:
    """Texts of the corpora and of the grammar, the only ones that a vocabulary is learned from.

    A vocabulary is published with its version, and customers write of people and places. That a word is in several of
    their texts does not make it anybody's: three messages to one person hold his name three times.
    """
    return [text for text, source in zip(texts, sources, strict=True) if source != _PRIVATE]


def learn_features(texts: Sequence[str], *, words: int, bigrams: int, grams: int, min_texts: int = 3) -> FeatureMap:
    """Feature map of the terms that occur in the most texts, at least `min_texts`; ties in order of spelling.

    Args:
        texts: canonical texts, see `public_texts`.
        words: how many single words at most.
        bigrams: how many pairs of neighbouring words at most.
        grams: how many letter n-grams at most.
    """
    tokenised = [tokens(text) for text in texts]
    word_counts = _document_counts(terms(row) for row in tokenised)
    grams_of = lru_cache(maxsize=65_536)(letter_grams)  # most words come again
    gram_counts = _document_counts((gram for word in row for gram in grams_of(word)) for row in tokenised)
    single = {term: count for term, count in word_counts.items() if " " not in term}
    pairs = {term: count for term, count in word_counts.items() if " " in term}
    chosen = sorted([*_top(single, words, min_texts), *_top(pairs, bigrams, min_texts)])
    chosen_grams = sorted(_top(gram_counts, grams, min_texts))
    return FeatureMap(
        words=chosen,
        word_idf=[_idf(word_counts[term], len(texts)) for term in chosen],
        grams=chosen_grams,
        gram_idf=[_idf(gram_counts[gram], len(texts)) for gram in chosen_grams],
        heuristics=list(HEURISTICS),
        extras=list(EXTRAS),
    )


def _document_counts(rows: Iterable[Iterable[str]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(set(row))
    return counts


def _top(counts: dict[str, int], size: int, min_texts: int) -> list[str]:
    frequent = [(-count, term) for term, count in counts.items() if count >= min_texts]
    return [term for _, term in sorted(frequent)[:size]]


def _idf(texts_with: int, texts: int) -> float:
    """Smoothed inverse document frequency, rounded so that the file stays small."""
    return round(math.log((1 + texts) / (1 + texts_with)) + 1, 4)
