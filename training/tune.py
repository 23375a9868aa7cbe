"""Cross-validated tuning of the TF-IDF models: `python -m training.tune --task spam`.

Calibrated log loss of each candidate on the training rows of the recipe, in folds that keep near-duplicates and
messages of one pattern together. What is best goes into `configs/training.yaml` by hand: a setting that wins by less
than its standard error is not worth a bigger model.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.models.lightgbm import TASKS, Features
from pipeline.types import INTENTS
from training.calibrate import fit_platt, fit_temperature, log_loss, multiclass_log_loss
from training.dataset import Dataset, build
from training.dedupe import folds
from training.gate import GateTrainer, labelled
from training.lexical import LinearSettings, train_linear
from training.metrics import Scores
from training.progress import Progress
from training.settings import read_settings
from training.trees import TreeSettings, raw_scores, train_trees, tree_matrix

FOLDS = 4
ROUNDS, LEAVES, RATES = (100, 200, 400), (15, 31, 63), (0.05, 0.1)
STRENGTHS = (3.0, 10.0, 30.0)

Candidate = TreeSettings | LinearSettings


class Tried(msgspec.Struct, frozen=True):
    """A candidate with its mean log loss over the folds and the standard error of that mean."""

    candidate: str
    loss: float
    error: float


def candidates(task: str) -> Iterator[Candidate]:
    """The grid: boosted trees, then regressions."""
    for rounds, leaves, rate in product(ROUNDS, LEAVES, RATES):
        yield TreeSettings(rounds=rounds, leaves=leaves, rate=rate)
    for c in STRENGTHS:
        yield LinearSettings(intent_c=c) if task == "intent" else LinearSettings(c=c)


def tune(data: Dataset, trainer: GateTrainer, task: str, grid: Sequence[Candidate], not_otp: int) -> list[Tried]:
    """All candidates, best first."""
    rows = labelled(data.train, task, not_otp)
    chosen, weights = data.train.take(rows), data.weights[rows]
    features, labels = trainer.features(chosen), chosen.label(task)
    parts = np.asarray(folds(chosen.groups, FOLDS, 2012, [bool(label > 0) for label in labels]))
    progress = Progress(f"tune {task}", len(grid) * FOLDS)
    tried: list[Tried] = []
    for number, candidate in enumerate(grid):
        losses: list[float] = []
        for fold in range(FOLDS):
            train, test = np.flatnonzero(parts != fold), np.flatnonzero(parts == fold)
            logits = _fit(
                trainer, candidate, features.take(train), labels[train], weights[train], features.take(test), task
            )
            losses.append(_loss(labels[test], logits, weights[test]))
            progress.advance(number * FOLDS + fold + 1, loss=losses[-1])
        named = f"{type(candidate).__name__.removesuffix('Settings')} {_shown(candidate)}"
        tried.append(Tried(named, float(np.mean(losses)), float(np.std(losses) / np.sqrt(FOLDS))))
    progress.close()
    return sorted(tried, key=lambda one: one.loss)


def _fit(
    trainer: GateTrainer,
    candidate: Candidate,
    features: Features,
    labels: NDArray[np.int8],
    weights: NDArray[np.float32],
    test: Features,
    task: str,
) -> Scores:
    """Raw logits float[N, K] of the test rows."""
    words, grams = trainer.widths
    if isinstance(candidate, LinearSettings):
        linear = train_linear(features, labels, weights, (words, grams), candidate, task)
        return linear.logits(test.words, test.grams, test.shape)
    classes = len(INTENTS) if task == "intent" else 2
    matrix = tree_matrix(features, words)
    booster = train_trees(matrix, labels, weights, candidate, classes=classes, seed=2012, threads=2)
    return raw_scores(booster, tree_matrix(test, words))


def _loss(labels: NDArray[np.int8], logits: Scores, weights: NDArray[np.float32]) -> float:
    """After the calibration that suits these rows: what ships is calibrated, too."""
    if logits.shape[1] == 1:
        platt = fit_platt(labels == 1, logits[:, 0], weights)
        return log_loss(labels == 1, platt.a * logits[:, 0] + platt.b, weights)
    return multiclass_log_loss(labels, fit_temperature(labels, logits).a * logits)


def _shown(candidate: Candidate) -> str:
    """What differs from the defaults."""
    plain = type(candidate)()
    fields = (f for f in candidate.__struct_fields__ if getattr(candidate, f) != getattr(plain, f))
    return " ".join(f"{field}={getattr(candidate, field)}" for field in fields) or "as by default"


def main() -> None:
    parser = argparse.ArgumentParser(description="Cross-validated tuning of the TF-IDF models.")
    parser.add_argument("--task", choices=TASKS, default="spam")
    parser.add_argument("--config", type=Path, default=Path("configs/training.yaml"))
    parser.add_argument("--work", type=Path, default=Path("build/tune"), help="folder for the vocabulary")
    chosen = parser.parse_args()
    settings = read_settings(chosen.config)
    chosen.work.mkdir(parents=True, exist_ok=True)
    data = build(settings.data)
    trainer = GateTrainer(data, settings.gate, chosen.work / "feature_map.json", settings.threads)
    print("| candidate | log loss | standard error |\n|---|---|---|")
    for one in tune(data, trainer, chosen.task, list(candidates(chosen.task)), settings.gate.not_otp_rows):
        print(f"| {one.candidate} | {one.loss:.5f} | {one.error:.5f} |")


if __name__ == "__main__":
    main()
