"""Writes the phone's files from one version of the TF-IDF models."""

import shutil
from pathlib import Path

import msgspec
import onnx

from model_store.store import Bundle
from pipeline.models.lightgbm import TASKS
from pipeline.models.linear import load_linear
from pipeline.scoring import Platt
from pipeline.tfidf import load_feature_map
from training.mobile import parity
from training.mobile.columns import describe
from training.mobile.files import CARD, FEATURE_MAP, MODELS, PARITY
from training.mobile.graph import Part, intent_model, otp_model, phishing_model, read_trees


def export(bundle: Bundle, folder: Path, texts: int) -> list[Path]:
    """Write the models, the feature map, the parity file and the version's card into `folder`; says what it wrote.

    Args:
        bundle: a version of the TF-IDF models.
        folder: made where it does not exist; files of these names are replaced.
        texts: how many the parity file holds.

    Raises:
        ModelError: the version lacks a file, or is of another kind.
    """
    features = load_feature_map(bundle.path / "feature_map.json")
    folder.mkdir(parents=True, exist_ok=True)
    for file, model in _models(bundle).items():
        onnx.save(model, str(folder / file))
    (folder / FEATURE_MAP).write_bytes(msgspec.json.encode(describe(features, bundle.manifest)))
    (folder / PARITY).write_bytes(msgspec.json.encode(parity.make(bundle, features, texts)))
    shutil.copyfile(bundle.path / CARD, folder / CARD)
    return [folder / name for name in (*MODELS.values(), FEATURE_MAP, PARITY, CARD)]


def _models(bundle: Bundle) -> dict[str, onnx.ModelProto]:
    linear = load_linear(bundle.path / "linear.npz", TASKS)
    parts = {
        task: Part(
            task, linear[task], read_trees(bundle.path / f"{task}.onnx"), bundle.manifest.calibration.get(task, Platt())
        )
        for task in TASKS
    }
    models = {
        MODELS["otp"]: otp_model(parts["otp"]),
        MODELS["phishing"]: phishing_model(parts["phishing"], parts["spam"]),
        MODELS["intent"]: intent_model(parts["intent"]),
    }
    for model in models.values():
        onnx.helper.set_model_props(model, {"version": bundle.manifest.ref})
    return models
