from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from model_store.store import Bundle, LocalStore
from pipeline.errors import ModelError
from pipeline.extras import EXTRAS
from pipeline.heuristics import HEURISTICS
from pipeline.tfidf import load_feature_map
from pipeline.types import INTENTS
from training.mobile.export import export
from training.mobile.files import Parity, read
from training.mobile.phone import read_map

FILES = {
    "model_isotp.onnx",
    "model_phishing.onnx",
    "model_intent.onnx",
    "feature_map.json",
    "parity.json",
    "CARD.md",
}


def test_all_files_are_there(exported: Path) -> None:
    assert {file.name for file in exported.iterdir()} == FILES


def test_models_take_the_features_and_give_labels_and_probabilities(exported: Path) -> None:
    width = read_map(exported).width
    features = np.zeros((2, width), dtype=np.float32)
    for name, answers in (("isotp", 2), ("phishing", 2), ("intent", len(INTENTS))):
        session = ort.InferenceSession(exported / f"model_{name}.onnx")
        assert [(each.name, each.shape[1]) for each in session.get_inputs()] == [("features", width)]
        label, probabilities = session.run(["label", "probabilities"], {"features": features})
        assert probabilities.shape == (2, answers)
        assert probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
        assert label.tolist() == probabilities.argmax(axis=1).tolist()


def test_models_name_their_version(exported: Path, bundle: Bundle) -> None:
    for file in exported.glob("*.onnx"):
        assert [(p.key, p.value) for p in onnx.load(file).metadata_props] == [("version", bundle.manifest.ref)]


def test_columns_are_those_of_the_reference_document_then_our_own(exported: Path, bundle: Bundle) -> None:
    features, found = load_feature_map(bundle.path / "feature_map.json"), read_map(exported)
    words, shape = len(features.words), len(HEURISTICS) + len(EXTRAS)
    assert list(found.vocabulary) == features.words
    assert list(found.vocabulary.values()) == list(range(words))
    assert [each.name for each in found.heuristics] == list(HEURISTICS)
    assert found.heuristic_count == 23
    assert [each.name for each in found.extras] == list(EXTRAS)
    assert list(found.grams.values()) == list(range(words + shape, found.width))
    assert found.thresholds == bundle.manifest.thresholds


def test_parity_is_of_the_texts_asked_for_and_the_same_each_time(
    exported: Path, bundle: Bundle, tmp_path: Path
) -> None:
    export(bundle, tmp_path, texts=60)
    assert (tmp_path / "parity.json").read_bytes() == (exported / "parity.json").read_bytes()
    cases = read(exported / "parity.json", Parity).cases
    assert len(cases) == 60
    assert {case.intent is None for case in cases} == {True, False}
    assert {case.phishing > 0.5 for case in cases} == {True, False}


def test_a_version_of_another_kind_is_refused(tmp_path: Path) -> None:
    store = LocalStore()
    with pytest.raises(ModelError, match="feature_map"):
        export(store.open(f"distilbert/{store.versions('distilbert')[-1]}"), tmp_path / "out", texts=1)
