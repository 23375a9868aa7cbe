"""Gradient-boosted trees on TF-IDF and shape, and their export to ONNX."""

from pathlib import Path
from typing import Any

import lightgbm as lgb
import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from scipy import sparse

from pipeline.models.lightgbm import Features
from training.lexical import to_csr


class TreeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rounds: int = 200
    leaves: int = 31
    rate: float = 0.1
    min_rows: int = 20  #: of a leaf
    columns: float = 0.15  #: share of the features that a tree may use
    rows: float = 0.8  #: share of the rows that a tree sees
    l2: float = 1.0
    bins: int = 63


def tree_matrix(features: Features, words: int) -> Any:
    """scipy.sparse matrix of [words, shape], the columns that the ONNX models read."""
    return sparse.hstack([to_csr(features.words, words), sparse.csr_matrix(features.shape)], format="csr")


def train_trees(
    matrix: Any,
    labels: NDArray[np.int8],
    weights: NDArray[np.float32],
    settings: TreeSettings,
    *,
    classes: int,
    seed: int,
    threads: int,
) -> lgb.Booster:
    """Fit one task; `classes` is 2 or more."""
    parameters: dict[str, Any] = {
        "objective": "binary" if classes == 2 else "multiclass",
        "num_leaves": settings.leaves,
        "learning_rate": settings.rate,
        "min_data_in_leaf": settings.min_rows,
        "feature_fraction": settings.columns,
        "bagging_fraction": settings.rows,
        "bagging_freq": 1,
        "lambda_l2": settings.l2,
        "max_bin": settings.bins,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": threads,
        "verbose": -1,
    }
    if classes > 2:
        parameters["num_class"] = classes
    return lgb.train(parameters, lgb.Dataset(matrix, labels, weight=weights), num_boost_round=settings.rounds)


def export_trees(booster: lgb.Booster, width: int, path: Path) -> None:
    """Write the model as ONNX: float32[N, width] `features` to raw scores `probabilities`.

    Raw, because a probability in float32 saturates where thresholds for rare false positives lie.
    """
    model = convert_lightgbm(booster, initial_types=[("features", FloatTensorType([None, width]))], zipmap=False)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "post_transform":
                attribute.s = b"NONE"
    onnx.save(model, str(path))


def raw_scores(booster: lgb.Booster, matrix: Any) -> NDArray[np.float64]:
    """float64[N, K] raw scores, K is 1 for two classes."""
    scores = np.asarray(booster.predict(matrix, raw_score=True))
    return scores.reshape(len(scores), -1)
