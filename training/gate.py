"""The TF-IDF bundle: vocabulary, regressions and trees of the four tasks, mixed and calibrated on validation rows."""

from collections.abc import Mapping
from pathlib import Path

import lightgbm as lgb
import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.models.lightgbm import TASKS, Features, TreeModels, as_spam, compute_features
from pipeline.models.linear import Linear
from pipeline.scoring import Platt
from pipeline.tfidf import FeatureMap, Vectoriser, load_feature_map
from pipeline.types import INTENTS
from training.calibrate import fit_platt, fit_temperature, log_loss, multiclass_log_loss, sigmoid, softmax, thresholds
from training.dataset import UNKNOWN, Dataset, Rows, as_traffic, evenly
from training.lexical import LinearSettings, pack, train_linear
from training.trees import TreeSettings, export_trees, raw_scores, train_trees, tree_matrix
from training.vocabulary import learn_features, public_texts

MIXES = np.linspace(0.2, 0.8, 13)
#: Missing a one-time password harms more than asking what some other message is for.
OTP_TARGETS = {"0.005": 0.25}


class GateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: int = 6000
    bigrams: int = 3000
    grams: int = 20000
    min_texts: int = 3
    not_otp_rows: int = 6000  #: rows that are no OTP among those that teach the intents
    seed: int = 2012
    linear: LinearSettings = LinearSettings()
    trees: dict[str, TreeSettings] = {}


class Gate(msgspec.Struct, frozen=True):
    """What a manifest needs to know of a trained bundle."""

    calibration: dict[str, Platt]
    thresholds: dict[str, dict[str, float]]
    parity: dict[str, float]  #: largest score difference between trainer and artefact, by task


class TaskModel(msgspec.Struct, frozen=True):
    """One trained task: the mean of the logits of a regression and of trees, calibrated."""

    linear: Linear
    booster: lgb.Booster
    platt: Platt
    words: int  #: columns of the word block

    def logits(self, features: Features) -> NDArray[np.float64]:
        """float64[N, K] calibrated logits, by the trainers' own arithmetic."""
        regression = self.linear.logits(features.words, features.grams, features.shape)
        trees = raw_scores(self.booster, tree_matrix(features, self.words))
        mean = self.linear.mix * regression + (1 - self.linear.mix) * trees
        return np.asarray(self.platt.a * mean + self.platt.b)


class GateTrainer:
    """The vocabulary and the features of one data set, and the training of each task on them."""

    def __init__(self, data: Dataset, settings: GateSettings, feature_map: Path, threads: int) -> None:
        self._data, self._settings, self._threads = data, settings, threads
        feature_map.write_bytes(msgspec.json.encode(_vocabulary(data.train, settings)))
        self._vectoriser = Vectoriser(load_feature_map(feature_map))
        self._train = self.features(data.train)
        self._validation = self.features(data.validation)

    @property
    def widths(self) -> tuple[int, int]:
        """Columns of the word block and of the n-gram block."""
        return self._vectoriser.vocabulary_size, self._vectoriser.gram_count

    def features(self, rows: Rows) -> Features:
        """What the models read of any rows."""
        return compute_features(self._vectoriser, rows.texts, rows.senders)

    def train(self, task: str) -> TaskModel:
        """Fit one task, with the mix of its two models that suits the validation rows, and its calibration."""
        data, words = self._data, self._vectoriser.vocabulary_size
        linear, booster = self._fit(task)
        rows = labelled(data.validation, task, self._settings.not_otp_rows)
        features = self._validation.take(rows)
        regression = linear.logits(features.words, features.grams, features.shape)
        trees = raw_scores(booster, tree_matrix(features, words))
        mix, platt = _mix(regression, trees, data.validation.label(task)[rows], data.validation_weights[rows])
        return TaskModel(msgspec.structs.replace(linear, mix=mix), booster, platt, words)

    def _fit(self, task: str) -> tuple[Linear, lgb.Booster]:
        rows = labelled(self._data.train, task, self._settings.not_otp_rows)
        features, labels, weights = self._train.take(rows), self._data.train.label(task)[rows], self._data.weights[rows]
        classes = len(INTENTS) if task == "intent" else 2
        linear = train_linear(features, labels, weights, self.widths, self._settings.linear, task)
        booster = train_trees(
            tree_matrix(features, self.widths[0]),
            labels,
            weights,
            self._settings.trees.get(task, TreeSettings()),
            classes=classes,
            seed=self._settings.seed,
            threads=self._threads,
        )
        return linear, booster


def train_gate(data: Dataset, settings: GateSettings, folder: Path, threads: int) -> Gate:
    """Train all tasks and write `feature_map.json`, `linear.npz` and the ONNX files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    trainer = GateTrainer(data, settings, folder / "feature_map.json", threads)
    models: dict[str, TaskModel] = {}
    for task in TASKS:
        models[task] = trainer.train(task)
        width = models[task].words + len(models[task].linear.shape)
        export_trees(models[task].booster, width, folder / f"{task}.onnx")
        print(f"gate {task}: mix {models[task].linear.mix:.2f} {models[task].platt}", flush=True)
    linear = {task: model.linear for task, model in models.items()}
    np.savez_compressed(folder / "linear.npz", allow_pickle=False, **pack(linear))
    calibration = {task: model.platt for task, model in models.items()}
    exported = TreeModels(folder, calibration)
    found = parity(trainer, models, exported, data.validation)
    return Gate(calibration, _thresholds(exported, data.validation), found)


def parity(trainer: GateTrainer, models: Mapping[str, TaskModel], exported: TreeModels, rows: Rows) -> dict[str, float]:
    """Largest differences of calibrated probabilities between the trainers and the artefacts, on up to 1,000 texts."""
    some = evenly(rows)
    features, scores = trainer.features(some), exported.score(some.texts, some.senders)
    expected = {task: model.logits(features) for task, model in models.items()}
    spam = sigmoid(expected["spam"][:, 0])
    asked = scores.intent.any(axis=1)
    differences: dict[str, NDArray[np.floating]] = {
        "spam": sigmoid(scores.spam) - spam,
        "phishing": scores.phishing - as_spam(sigmoid(expected["phishing"][:, 0]), spam),
        "otp": scores.otp - sigmoid(expected["otp"][:, 0]),
        "intent": (scores.intent - softmax(expected["intent"]))[asked],
    }
    largest = {f"max_{task}_difference": round(float(np.abs(d).max(initial=0.0)), 6) for task, d in differences.items()}
    return {"texts": float(len(some)), **largest}


def _vocabulary(rows: Rows, settings: GateSettings) -> FeatureMap:
    return learn_features(
        public_texts(rows.texts, rows.sources),
        words=settings.words,
        bigrams=settings.bigrams,
        grams=settings.grams,
        min_texts=settings.min_texts,
    )


def _mix(
    regression: NDArray[np.floating],
    trees: NDArray[np.floating],
    labels: NDArray[np.int8],
    weights: NDArray[np.float32],
) -> tuple[float, Platt]:
    """The share of the regression that fits the validation rows best, and the calibration of that mean."""
    tried: list[tuple[float, float, Platt]] = []
    for mix in np.round(MIXES, 3):
        mean = mix * regression + (1 - mix) * trees
        if mean.shape[1] == 1:
            platt = fit_platt(labels == 1, mean[:, 0], weights)
            loss = log_loss(labels == 1, platt.a * mean[:, 0] + platt.b, weights)
        else:
            platt = fit_temperature(labels, mean)
            loss = multiclass_log_loss(labels, platt.a * mean)
        tried.append((loss, float(mix), platt))
    _, mix, platt = min(tried, key=lambda found: found[0])
    return mix, platt


def _thresholds(models: TreeModels, rows: Rows) -> dict[str, dict[str, float]]:
    scores, weights = models.score(rows.texts, rows.senders), as_traffic(rows)
    legitimate, others = rows.legitimate, rows.otp == 0
    return {
        "spam": thresholds(sigmoid(scores.spam)[legitimate], weights[legitimate]),
        "phishing": thresholds(scores.phishing[legitimate], weights[legitimate]),
        "otp": thresholds(scores.otp[others], weights[others], OTP_TARGETS),
    }


def labelled(rows: Rows, task: str, not_otp: int) -> NDArray[np.intp]:
    """Rows with a label; of the many that are no OTP, the intents are taught an even sample."""
    known = rows.label(task) != UNKNOWN
    if task != "intent":
        return np.flatnonzero(known)
    others = np.flatnonzero(known & (rows.intent == 0))
    step = max(1, len(others) // not_otp)
    return np.sort(np.concatenate([np.flatnonzero(known & (rows.intent > 0)), others[::step]]))
