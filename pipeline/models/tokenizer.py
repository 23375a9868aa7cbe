"""Text to token ids, with the tokenizer that a transformer was trained with."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from pipeline.batching import Indices, isolate
from pipeline.errors import ModelError
from pipeline.tokens import by_version, merge
from pipeline.types import TokenBatch


class WordPiece:
    """`tokenizer.json` of a version folder, truncating at `max_tokens`, never padding."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the library raises bare exceptions
            raise ModelError(f"tokenizer.json of {folder.parent.name}/{folder.name} cannot be read") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Token ids of canonical texts; an item that cannot be tokenized has length 0."""
        rows: list[list[int]] = [[] for _ in texts]

        def run(items: Indices) -> None:
            encoded = self._tokenizer.encode_batch_fast([texts[i] for i in items])
            for item, encoding in zip(items, encoded, strict=True):
                rows[item] = encoding.ids

        isolate(run, np.arange(len(texts)))
        ids = [token for row in rows for token in row]
        return TokenBatch(ids=np.asarray(ids, dtype=np.int32), lengths=np.asarray([*map(len, rows)], dtype=np.int32))


class Tokenizers:
    """The tokenizers of all transformer versions that are loaded.

    Args:
        get: the tokenizer of a version, None where it is not loaded.
    """

    def __init__(self, get: Callable[[str], WordPiece | None]) -> None:
        self._get = get

    def encode(self, texts: Sequence[str], versions: Sequence[str]) -> TokenBatch:
        """Token ids of canonical texts, each by its version's tokenizer; an item of an unknown version has length 0."""
        groups = by_version(versions)
        return merge({ref: self._encode(ref, [texts[i] for i in items]) for ref, items in groups.items()}, groups)

    def _encode(self, ref: str, texts: list[str]) -> TokenBatch:
        if tokenizer := self._get(ref):
            return tokenizer.encode(texts)
        return TokenBatch(ids=np.empty(0, dtype=np.int32), lengths=np.zeros(len(texts), dtype=np.int32))
