"""Logistic regressions on sparse TF-IDF: weights in one `.npz`, scores by sparse dot products."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.tfidf import Sparse, dot
from pipeline.types import Floats


class Linear(msgspec.Struct, frozen=True):
    """One regression of K outputs over words, letter n-grams and the shape (heuristics and extras)."""

    words: Floats  #: float32[words, K]
    grams: Floats  #: float32[grams, K]
    shape: Floats  #: float32[heuristics + extras, K]
    bias: Floats  #: float32[K]
    mix: float  #: share 0-1 of this regression in the mean of logits with the trees

    def logits(self, words: Sparse, grams: Sparse, shape: Floats) -> Floats:
        """float32[N, K] raw logits."""
        columns = [
            dot(words, self.words[:, k]) + dot(grams, self.grams[:, k]) + shape @ self.shape[:, k] + self.bias[k]
            for k in range(len(self.bias))
        ]
        return np.stack(columns, axis=1).astype(np.float32)


def load_linear(path: Path, tasks: tuple[str, ...]) -> dict[str, Linear]:
    """Regressions of each task from arrays named "task.words", "task.grams", "task.shape", "task.bias", "task.mix".

    Raises:
        ModelError: the file or one of its arrays is missing.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {task: _linear(arrays, task) for task in tasks}
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise ModelError(f"{path.parent.name}/{path.name} cannot be read: {type(error).__name__}") from error


def _linear(arrays: Mapping[str, NDArray[np.generic]], task: str) -> Linear:
    words, grams, shape, bias = (
        arrays[f"{task}.{part}"].astype(np.float32) for part in ("words", "grams", "shape", "bias")
    )
    return Linear(words, grams, shape, bias, mix=float(arrays[f"{task}.mix"]))
