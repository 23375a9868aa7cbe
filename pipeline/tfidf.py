"""TF-IDF without scikit-learn: words with their bigrams for the trees, letter n-grams beside them for the regression.

A text is cut into tokens; digits count by their shape ("482913" is "000000"). Both blocks are L2-normalised alone,
term frequency is 1 + log(count). Letter n-grams are taken of each token with a blank on both sides; a token's
n-grams are remembered, since messages repeat their words.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.extras import EXTRAS
from pipeline.heuristics import HEURISTICS
from pipeline.types import Floats

_ZERO = str.maketrans({code: "0" for code in map(chr, range(0x10000)) if code.isdecimal()})
#: Scripts written without blanks: each character is a token, their bigrams do the rest.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_NOT_WORD = "\\s\x00-/:-@\\[-`{-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u2000-\u206f\u20a0-\u20cf\u3000-\u303f"
TOKEN = re.compile(f"[^{_NOT_WORD}{_UNSPACED}]+|[{_UNSPACED}]|[$£€₹₦!?%]")
GRAM_SIZES = (3, 4)
LONGEST_TOKEN = 32  #: characters of a token that letter n-grams are taken of


class FeatureMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`feature_map.json`: columns of the feature vector [words, heuristics, extras] and of the letter n-grams."""

    words: list[str]  #: words and bigrams; the index is the column
    word_idf: list[float]
    grams: list[str]
    gram_idf: list[float]
    heuristics: list[str]
    extras: list[str]

    @property
    def width(self) -> int:
        """Columns of the dense vector that the trees read."""
        return len(self.words) + len(self.heuristics) + len(self.extras)


class Sparse(msgspec.Struct, frozen=True, gc=False):
    """Rows of a sparse matrix (CSR): row i is `indices[indptr[i]:indptr[i + 1]]`, with its `values`."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: Floats

    def take(self, rows: NDArray[np.intp]) -> "Sparse":
        """Some of the rows, in that order."""
        sizes = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(sizes)])
        places = np.repeat(self.indptr[rows] - indptr[:-1], sizes) + np.arange(indptr[-1])
        return Sparse(indptr, self.indices[places], self.values[places])

    def renumber(self, places: NDArray[np.int64]) -> "Sparse":
        """The same with new column numbers, `places[old]`; columns whose new number is negative are left out."""
        columns = places[self.indices]
        kept = columns >= 0
        counts = np.concatenate([[0], np.cumsum(kept)])
        return Sparse(counts[self.indptr], columns[kept], self.values[kept])


def tokens(text: str) -> list[str]:
    """Tokens of a canonical text: lower case, digits as zeros."""
    return TOKEN.findall(text.lower().translate(_ZERO) if not text.isascii() else _mask_ascii(text))


def terms(words: Sequence[str]) -> list[str]:
    """The tokens themselves and every two neighbours as "a b"."""
    return [*words, *map(" ".join, pairwise(words))]


def letter_grams(word: str) -> tuple[str, ...]:
    """Letter n-grams of one token with a blank on both sides."""
    padded = f" {word[:LONGEST_TOKEN]} "
    return tuple(padded[i : i + n] for n in GRAM_SIZES for i in range(len(padded) - n + 1))


def load_feature_map(path: Path) -> FeatureMap:
    """Read `feature_map.json`.

    Raises:
        ModelError: it is not one, or its heuristics are not those of this code.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=FeatureMap)
    except (OSError, msgspec.DecodeError) as error:
        raise ModelError(f"{path.name} of {path.parent.name} cannot be read: {error}") from None
    if found.heuristics != list(HEURISTICS) or found.extras != list(EXTRAS):
        raise ModelError(f"{path.name} names other heuristics than this code computes")
    return found


class Vectoriser:
    """Turns canonical texts into TF-IDF features of a fixed vocabulary."""

    def __init__(self, features: FeatureMap) -> None:
        self._words = {term: column for column, term in enumerate(features.words)}
        self._grams = {gram: column for column, gram in enumerate(features.grams)}
        self._word_idf = np.asarray(features.word_idf, dtype=np.float32)
        self._gram_idf = np.asarray(features.gram_idf, dtype=np.float32)
        self._gram_columns: Callable[[str], tuple[int, ...]] = lru_cache(maxsize=65536)(self._columns_of_word)

    @property
    def vocabulary_size(self) -> int:
        """Columns of the word block."""
        return len(self._words)

    @property
    def gram_count(self) -> int:
        """Columns of the block of letter n-grams."""
        return len(self._grams)

    def words(self, tokenised: Sequence[Sequence[str]]) -> Sparse:
        """TF-IDF of words and bigrams, rows of unit length (or empty)."""
        found = [[c for c in map(self._words.get, terms(row)) if c is not None] for row in tokenised]
        return _tfidf(found, self._word_idf)

    def grams(self, tokenised: Sequence[Sequence[str]]) -> Sparse:
        """TF-IDF of letter n-grams, rows of unit length (or empty)."""
        found = [list(chain.from_iterable(map(self._gram_columns, row))) for row in tokenised]
        return _tfidf(found, self._gram_idf)

    def known(self, tokenised: Sequence[Sequence[str]]) -> Floats:
        """float32[N]: share 0-1 of the words of a text that the vocabulary has; numbers and signs do not count."""
        return np.asarray([self._known_share(row) for row in tokenised], dtype=np.float32)

    def _known_share(self, row: Sequence[str]) -> float:
        letters = [word for word in row if word[0].isalpha()]
        return sum(word in self._words for word in letters) / len(letters) if letters else 0.0

    def _columns_of_word(self, word: str) -> tuple[int, ...]:
        return tuple(c for c in map(self._grams.get, letter_grams(word)) if c is not None)


def dense(sparse: Sparse, width: int, *blocks: Floats) -> Floats:
    """float32[N, width + columns of the blocks]: a sparse block made dense, the dense blocks to its right."""
    rows = len(sparse.indptr) - 1
    matrix = np.zeros((rows, width + sum(block.shape[1] for block in blocks)), dtype=np.float32)
    matrix[_row_numbers(sparse), sparse.indices] = sparse.values
    start = width
    for block in blocks:
        matrix[:, start : start + block.shape[1]] = block
        start += block.shape[1]
    return matrix


def dot(sparse: Sparse, weights: Floats) -> Floats:
    """float32[N]: each row times the weights."""
    rows = len(sparse.indptr) - 1
    products = sparse.values * weights[sparse.indices]
    return np.bincount(_row_numbers(sparse), weights=products, minlength=rows).astype(np.float32)


def _mask_ascii(text: str) -> str:
    return text.lower().translate(_ASCII_ZERO)


_ASCII_ZERO = str.maketrans("123456789", "000000000")


def _row_numbers(sparse: Sparse) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(sparse.indptr) - 1), np.diff(sparse.indptr))


def _tfidf(found: Iterable[Sequence[int]], idf: Floats) -> Sparse:
    """Count, weigh and normalise: lists of columns with repetitions to sparse rows, columns ascending."""
    rows = list(found)
    width = max(1, len(idf))
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(lengths.sum()))
    keys, counts = np.unique(np.repeat(np.arange(len(rows)), lengths) * width + flat, return_counts=True)
    owners, columns = keys // width, keys % width
    values = (1.0 + np.log(counts)) * idf[columns] if len(keys) else np.zeros(0)
    norms = np.sqrt(np.bincount(owners, weights=values * values, minlength=len(rows)))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(rows)))])
    return Sparse(indptr, columns, (values / norms[owners]).astype(np.float32))
