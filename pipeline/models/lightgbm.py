"""The TF-IDF models: for each task the mean of the logits of a logistic regression and of boosted trees, calibrated."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.batching import Indices, isolate
from pipeline.extras import extra_matrix
from pipeline.heuristics import heuristic_matrix
from pipeline.models.forest import Forest
from pipeline.models.linear import load_linear
from pipeline.scoring import Platt
from pipeline.tfidf import Sparse, Vectoriser, load_feature_map, tokens
from pipeline.types import INTENTS, Floats, TreeScores

FloatT = TypeVar("FloatT", bound=np.floating)

TASKS = ("spam", "phishing", "otp", "intent")
#: Below this probability of being an OTP no policy asks for the intent.
OTP_IN_REACH = 0.05
#: Rows that go through the trees at once: more of them leave the processor's cache, and cost four times as much each.
_BLOCK = 32


class Features(msgspec.Struct, frozen=True, gc=False):
    """All that the models read of N messages."""

    words: Sparse
    grams: Sparse
    shape: Floats  #: float32[N, heuristics + extras]
    known: Floats  #: float32[N], share of known words

    def take(self, rows: Indices) -> "Features":
        """Features of some rows."""
        return Features(self.words.take(rows), self.grams.take(rows), self.shape[rows], self.known[rows])


class TreeModels:
    """A version folder with `feature_map.json`, `linear.npz` and `spam|phishing|otp|intent.onnx`."""

    def __init__(self, folder: Path, calibration: Mapping[str, Platt]) -> None:
        """
        Args:
            folder: the version's folder.
            calibration: task to the map from raw to calibrated logit; of "intent", `a` alone is used.

        Raises:
            ModelError: an artefact is missing or does not fit this code.
        """
        self._vectoriser = Vectoriser(load_feature_map(folder / "feature_map.json"))
        self._linear = load_linear(folder / "linear.npz", TASKS)
        self._forest = Forest(folder, TASKS, self._vectoriser.vocabulary_size)
        self._calibration = {task: calibration.get(task, Platt()) for task in TASKS}

    def score(self, texts: Sequence[str], senders: Sequence[str]) -> TreeScores:
        """Scores of canonical texts and their senders; NaN in the row of a message that fails by itself."""
        count = len(texts)
        columns = {name: np.full(count, np.nan, dtype=np.float32) for name in ("spam", "phishing", "otp", "known")}
        intent = np.full((count, len(INTENTS)), np.nan, dtype=np.float32)

        def run(items: Indices) -> None:
            scores = self._score([texts[i] for i in items], [senders[i] for i in items])
            for name, column in columns.items():
                column[items] = getattr(scores, name)
            intent[items] = scores.intent

        for start in range(0, count, _BLOCK):
            isolate(run, np.arange(start, min(start + _BLOCK, count)))
        return TreeScores(intent=intent, **columns)

    def _score(self, texts: list[str], senders: list[str]) -> TreeScores:
        features = compute_features(self._vectoriser, texts, senders)
        matrix = self._forest.matrix(features.words, features.shape)
        otp = _sigmoid(self._logits("otp", features, matrix)[:, 0])
        intent = np.zeros((len(texts), len(INTENTS)), dtype=np.float32)
        reach = np.flatnonzero(otp >= OTP_IN_REACH)
        if len(reach):
            some = features.take(reach)
            intent[reach] = _softmax(self._logits("intent", some, matrix[reach]))
        spam = self._logits("spam", features, matrix)[:, 0]
        phishing = _sigmoid(self._logits("phishing", features, matrix)[:, 0])
        return TreeScores(
            spam=spam,
            phishing=as_spam(phishing, _sigmoid(spam)),
            otp=otp,
            intent=intent,
            known=features.known,
        )

    def _logits(self, task: str, features: Features, matrix: Floats) -> Floats:
        """float32[N, K] calibrated logits: K is 1, or 9 for the intents."""
        linear, platt = self._linear[task], self._calibration[task]
        trees = self._forest.scores(task, matrix)[:, -len(linear.bias) :]
        regression = linear.logits(features.words, features.grams, features.shape)
        return np.asarray(platt.a * (linear.mix * regression + (1 - linear.mix) * trees) + platt.b, dtype=np.float32)


def compute_features(vectoriser: Vectoriser, texts: Sequence[str], senders: Sequence[str]) -> Features:
    """What the models read of canonical texts and their senders; training uses this very function."""
    tokenised = [tokens(text) for text in texts]
    return Features(
        words=vectoriser.words(tokenised),
        grams=vectoriser.grams(tokenised),
        shape=np.concatenate([heuristic_matrix(texts, senders), extra_matrix(texts, senders)], axis=1),
        known=vectoriser.known(tokenised),
    )


def as_spam(phishing: NDArray[FloatT], spam: NDArray[FloatT]) -> NDArray[FloatT]:
    """Geometric mean of two probabilities: phishing is a kind of spam; what one model suspects alone is rarely so."""
    return np.asarray(np.sqrt(phishing * spam))


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), dtype=np.float32)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)
