"""Boosted trees in ONNX that read only the few columns they split on.

The vectoriser knows 12,000 words, of which all trees of a version together ask about a third. A dense row of all words
fills the processor's cache with zeros that nobody reads; so when trees are loaded, their columns are renumbered.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from pipeline.errors import ModelError
from pipeline.models.session import open_session
from pipeline.tfidf import Sparse, dense
from pipeline.types import Floats

#: Name of the output of the trees' ONNX models: raw scores, before any link function.
SCORES = "probabilities"
_OPERATORS = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
_FEATURES, _MODES, _LEAF = "nodes_featureids", "nodes_modes", b"LEAF"


class Forest:
    """The trees of several tasks, `<task>.onnx` of a version folder, over one matrix.

    Args:
        folder: the version's folder.
        tasks: one model each; they read float32[N, words + shape] and give `SCORES`.
        words: size of the vocabulary; columns from there on are the shape.

    Raises:
        ModelError: a model is missing or has no trees.
    """

    def __init__(self, folder: Path, tasks: Sequence[str], words: int) -> None:
        models = {task: _load(folder / f"{task}.onnx") for task in tasks}
        used = sorted(set().union(*(_columns(_trees(model)) for model in models.values())) or {0})
        new = {column: place for place, column in enumerate(used)}
        for model in models.values():
            _renumber(model, new)
        self._sessions: dict[str, ort.InferenceSession] = {
            task: open_session(folder / f"{task}.onnx", 1, model.SerializeToString()) for task, model in models.items()
        }
        self._word_places = np.full(words, -1, dtype=np.int64)
        kept = [column for column in used if column < words]
        self._word_places[kept] = np.arange(len(kept))
        self._kept_words = len(kept)
        self._kept_shape = np.asarray([column - words for column in used if column >= words], dtype=np.intp)

    def matrix(self, words: Sparse, shape: Floats) -> Floats:
        """What the trees read of N messages: float32[N, columns in use]."""
        return dense(words.renumber(self._word_places), self._kept_words, shape[:, self._kept_shape])

    def scores(self, task: str, matrix: Floats) -> Floats:
        """float32[N, K] raw scores; of two classes, the second is the positive one."""
        found: Floats = self._sessions[task].run([SCORES], {"features": matrix})[0]
        return found


def _load(path: Path) -> Any:
    # Imported here: not everybody who reads messages opens trees, and it takes a quarter of a second.
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(path)
    except (OSError, DecodeError) as error:
        raise ModelError(f"{path.parent.name}/{path.name} cannot be opened: {type(error).__name__}") from error


def _trees(model: Any) -> dict[str, Any]:
    """The attributes of the model's trees."""
    nodes = [node for node in model.graph.node if node.op_type in _OPERATORS]
    if len(nodes) != 1:
        raise ModelError(f"a model of the forest has {len(nodes)} operators of trees in place of one")
    return {attribute.name: attribute for attribute in nodes[0].attribute}


def _columns(trees: dict[str, Any]) -> set[int]:
    splits = zip(trees[_FEATURES].ints, trees[_MODES].strings, strict=True)
    return {column for column, mode in splits if mode != _LEAF}


def _renumber(model: Any, new: dict[int, int]) -> None:
    trees = _trees(model)
    splits = zip(trees[_FEATURES].ints, trees[_MODES].strings, strict=True)
    columns = [0 if mode == _LEAF else new[column] for column, mode in splits]
    trees[_FEATURES].ints[:] = columns
    (features,) = model.graph.input
    features.type.tensor_type.shape.dim[1].dim_value = len(new)
