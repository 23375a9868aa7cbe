"""On tokenizers of a few words, made for the test."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.models.tokenizer import Tokenizers, WordPiece
from pipeline.tokens import select
from pipeline.types import TokenBatch

A, B, UNKNOWN = "distilbert/1", "distilbert/2", "distilbert/9"


def word_piece(folder: Path, *words: str) -> WordPiece:
    """Token 0 is "[UNK]", the words follow."""
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0} | {word: i for i, word in enumerate(words, 1)}))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return WordPiece(folder, 4)


@pytest.fixture
def tokenizers(tmp_path: Path) -> Tokenizers:
    loaded = {A: word_piece(tmp_path / "1", "hi", "you"), B: word_piece(tmp_path / "2", "you", "hi")}
    return Tokenizers(loaded.get)


def rows(batch: TokenBatch) -> list[list[int]]:
    return [select(batch, np.asarray([i])).ids.tolist() for i in range(len(batch.lengths))]


def test_each_item_goes_to_the_tokenizer_of_its_version(tokenizers: Tokenizers) -> None:
    assert rows(tokenizers.encode(["hi", "hi you", "you", "x"], [A, B, A, B])) == [[1], [2, 1], [2], [0]]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([A, UNKNOWN, B], [[1, 2], [], [2, 1]]),
        ([UNKNOWN, A, UNKNOWN], [[], [1, 2], []]),
        ([UNKNOWN] * 3, [[], [], []]),
    ],
)
def test_an_unknown_version_leaves_the_neighbours_theirs(
    tokenizers: Tokenizers, versions: list[str], expected: list[list[int]]
) -> None:
    batch = tokenizers.encode(["hi you"] * 3, versions)
    assert rows(batch) == expected
    assert (batch.ids.dtype, batch.lengths.dtype) == (np.int32, np.int32)
