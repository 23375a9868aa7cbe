"""The manifests of freshly trained versions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from model_store.manifest import DataSource, Manifest
from model_store.store import describe_files
from pipeline.models.lightgbm import TASKS
from pipeline.types import INTENTS
from training.gate import Gate
from training.judge import Figures
from training.transformer import Calibrated

#: Labels of each task, in the order of its outputs.
LABELS: dict[str, list[str]] = {
    "spam": ["ham", "spam"],
    "phishing": ["legitimate", "phishing"],
    "otp": ["not_otp", "otp"],
    "intent": list(INTENTS),
}


def gate_manifest(version: str, folder: Path, gate: Gate, metrics: Figures, data: list[DataSource]) -> Manifest:
    files = ["feature_map.json", "linear.npz", *(f"{task}.onnx" for task in TASKS)]
    return Manifest(
        name="lightgbm",
        version=version,
        kind="lightgbm",
        created=_today(),
        description=(
            "Spam gate, phishing, OTP and intent: logistic regression on words and letter n-grams, and boosted trees "
            "on words, the 23 heuristics and the shape of the message; mean of logits, Platt-scaled."
        ),
        files=describe_files(folder, files),
        labels=LABELS,
        calibration=gate.calibration,
        thresholds=gate.thresholds,
        metrics=metrics,
        data=data,
    )


def net_manifest(
    version: str,
    description: str,
    folder: Path,
    max_tokens: int,
    found: Calibrated,
    metrics: Mapping[str, Mapping[str, float]],
    data: list[DataSource],
) -> Manifest:
    return Manifest(
        name="distilbert",
        version=version,
        kind="distilbert",
        created=_today(),
        description=description,
        files=describe_files(folder, ["model.onnx", "tokenizer.json"]),
        labels={"spam": LABELS["spam"]},
        max_tokens=max_tokens,
        calibration={"spam": found.platt},
        ensemble=found.ensemble,
        cascade=found.cascade,
        thresholds={"spam": found.thresholds},
        metrics={name: dict(figures) for name, figures in metrics.items()},
        data=data,
    )


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
