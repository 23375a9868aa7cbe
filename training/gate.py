"""The TF-IDF bundle: vocabulary, regressions and trees of the four tasks, mixed and calibrated on validation rows."""

from pathlib import Path

import lightgbm as lgb
import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.models.lightgbm import TASKS, TreeModels, compute_features
from pipeline.models.linear import Linear
from pipeline.scoring import Platt
from pipeline.tfidf import FeatureMap, Vectoriser, load_feature_map
from pipeline.types import INTENTS
from training.calibrate import fit_platt, log_loss, multiclass_log_loss, sigmoid, thresholds
from training.dataset import UNKNOWN, Dataset, Rows
from training.lexical import LinearSettings, pack, train_linear
from training.trees import TreeSettings, export_trees, raw_scores, train_trees, tree_matrix
from training.vocabulary import learn_features

MIXES = np.linspace(0.2, 0.8, 13)


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


def train_gate(data: Dataset, settings: GateSettings, folder: Path, threads: int) -> Gate:
    """Train all tasks and write `feature_map.json`, `linear.npz` and the ONNX files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    trainer = _Trainer(data, settings, folder, threads)
    models: dict[str, Linear] = {}
    calibration: dict[str, Platt] = {}
    for task in TASKS:
        models[task], calibration[task] = trainer.train(task)
        print(f"gate {task}: mix {models[task].mix:.2f} {calibration[task]}", flush=True)
    np.savez_compressed(folder / "linear.npz", allow_pickle=False, **pack(models))
    return Gate(calibration, _thresholds(TreeModels(folder, calibration, threads=threads), data.validation))


class _Trainer:
    """Features of one data set, and the training of each task on them."""

    def __init__(self, data: Dataset, settings: GateSettings, folder: Path, threads: int) -> None:
        self._data, self._settings, self._folder, self._threads = data, settings, folder, threads
        path = folder / "feature_map.json"
        path.write_bytes(msgspec.json.encode(_vocabulary(data.train.texts, settings)))
        self._vectoriser = Vectoriser(load_feature_map(path))
        self._train = compute_features(self._vectoriser, data.train.texts, data.train.senders)
        self._validation = compute_features(self._vectoriser, data.validation.texts, data.validation.senders)

    def train(self, task: str) -> tuple[Linear, Platt]:
        """Fit and export one task; its regression, with the mix that suits the validation rows, and its calibration."""
        linear, booster = self._fit(task)
        rows = _labelled(self._data.validation, task, self._settings.not_otp_rows)
        features = self._validation.take(rows)
        regression = linear.logits(features.words, features.grams, features.shape)
        trees = raw_scores(booster, tree_matrix(features, self._vectoriser.vocabulary_size))
        mix, platt = _mix(regression, trees, self._data.validation.label(task)[rows])
        return msgspec.structs.replace(linear, mix=mix), platt

    def _fit(self, task: str) -> tuple[Linear, lgb.Booster]:
        rows = _labelled(self._data.train, task, self._settings.not_otp_rows)
        features, labels, weights = self._train.take(rows), self._data.train.label(task)[rows], self._data.weights[rows]
        words, classes = self._vectoriser.vocabulary_size, len(INTENTS) if task == "intent" else 2
        widths = (words, self._vectoriser.gram_count)
        linear = train_linear(features, labels, weights, widths, self._settings.linear, task)
        booster = train_trees(
            tree_matrix(features, words),
            labels,
            weights,
            self._settings.trees.get(task, TreeSettings()),
            classes=classes,
            seed=self._settings.seed,
            threads=self._threads,
        )
        export_trees(booster, words + features.shape.shape[1], self._folder / f"{task}.onnx")
        return linear, booster


def _vocabulary(texts: list[str], settings: GateSettings) -> FeatureMap:
    return learn_features(
        texts, words=settings.words, bigrams=settings.bigrams, grams=settings.grams, min_texts=settings.min_texts
    )


def _mix(
    regression: NDArray[np.floating], trees: NDArray[np.floating], labels: NDArray[np.int8]
) -> tuple[float, Platt]:
    """The share of the regression that fits the validation rows best, and the calibration of that mean."""
    tried: list[tuple[float, float, Platt]] = []
    for mix in np.round(MIXES, 3):
        mean = mix * regression + (1 - mix) * trees
        platt = fit_platt(labels == 1, mean[:, 0]) if mean.shape[1] == 1 else Platt()
        calibrated = platt.a * mean + platt.b
        one = calibrated.shape[1] == 1
        loss = log_loss(labels == 1, calibrated[:, 0]) if one else multiclass_log_loss(labels, calibrated)
        tried.append((loss, float(mix), platt))
    _, mix, platt = min(tried, key=lambda found: found[0])
    return mix, platt


def _thresholds(models: TreeModels, rows: Rows) -> dict[str, dict[str, float]]:
    scores = models.score(rows.texts, rows.senders)
    legitimate, groups = rows.legitimate, rows.take(rows.legitimate).groups
    return {
        "spam": thresholds(sigmoid(scores.spam)[legitimate], groups),
        "phishing": thresholds(scores.phishing[legitimate], groups),
        "otp": thresholds(scores.otp[rows.otp == 0], targets={"0.005": 0.5}),
    }


def _labelled(rows: Rows, task: str, not_otp: int) -> NDArray[np.intp]:
    """Rows with a label; of the many that are no OTP, the intents are taught an even sample."""
    known = rows.label(task) != UNKNOWN
    if task != "intent":
        return np.flatnonzero(known)
    others = np.flatnonzero(known & (rows.intent == 0))
    step = max(1, len(others) // not_otp)
    return np.sort(np.concatenate([np.flatnonzero(known & (rows.intent > 0)), others[::step]]))
