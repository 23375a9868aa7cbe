"""Logistic regressions on TF-IDF: one for each task, over words, letter n-grams and the shape of a message."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from pipeline.models.lightgbm import Features
from pipeline.models.linear import Linear
from pipeline.tfidf import Sparse


class LinearSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    c: float = 10.0  #: inverse strength of the regularisation
    iterations: int = 300
    shape_scale: float = 0.3  #: the shape block counts for less: its columns are not of unit length
    intent_c: float = 10.0


def to_csr(rows: Sparse, width: int) -> Any:
    """scipy.sparse matrix of sparse rows."""
    return sparse.csr_matrix((rows.values, rows.indices, rows.indptr), shape=(len(rows.indptr) - 1, width))


def train_linear(
    features: Features,
    labels: NDArray[np.int8],
    weights: NDArray[np.float32],
    widths: tuple[int, int],
    settings: LinearSettings,
    task: str,
) -> Linear:
    """Fit one task; two classes give one output, more give one output each.

    Args:
        features: of the rows that are labelled.
        labels: int[N].
        weights: float32[N], of the rows.
        widths: columns of the word block and of the n-gram block.
        settings: regularisation and solver.
        task: which task.
    """
    words, grams = widths
    design = sparse.hstack(
        [
            to_csr(features.words, words),
            to_csr(features.grams, grams),
            sparse.csr_matrix(features.shape * settings.shape_scale),
        ],
        format="csr",
    )
    c = settings.intent_c if task == "intent" else settings.c
    model = LogisticRegression(C=c, max_iter=settings.iterations, solver="lbfgs")
    model.fit(design, labels, sample_weight=weights)
    learned = model.coef_.T.astype(np.float32)
    return Linear(
        words=learned[:words],
        grams=learned[words : words + grams],
        shape=learned[words + grams :] * np.float32(settings.shape_scale),
        bias=model.intercept_.astype(np.float32),
        mix=0.5,
    )


def pack(models: dict[str, Linear]) -> dict[str, NDArray[np.generic]]:
    """Arrays of `linear.npz`; weights in half precision, which the scores hardly notice."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for task, model in models.items():
        arrays[f"{task}.words"] = model.words.astype(np.float16)
        arrays[f"{task}.grams"] = model.grams.astype(np.float16)
        arrays[f"{task}.shape"] = model.shape.astype(np.float32)
        arrays[f"{task}.bias"] = model.bias
        arrays[f"{task}.mix"] = np.asarray(model.mix, dtype=np.float32)
    return arrays
