import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from model_store.store import Bundle
from pipeline.errors import ConfigError
from pipeline.models.lightgbm import compute_features
from pipeline.normalise import normalise
from pipeline.senders import canonical_address
from pipeline.tfidf import Vectoriser, load_feature_map
from training.mobile import parity
from training.mobile.files import Parity, read
from training.mobile.phone import Phone, read_map, verify

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.lists(
        st.sampled_from(
            ["Your OTP is", "482913", "12-345-6789", "bit.ly/x", "KAZANÇLI ılık İNDİRİM", "код ٤٥٦", "验证码"]
        ),
        min_size=1,
        max_size=6,
    ).map(" ".join),
)
#: Without numerals such as superscripts: Winnow calls them digits of a sender, the phone does not, and nobody has one.
names = st.text(st.characters(exclude_categories=["Cs", "No"]), max_size=11)
senders = st.one_of(st.just(""), st.from_regex(r"\+?[0-9]{3,14}", fullmatch=True), names)


@pytest.fixture(scope="module")
def phone(exported: Path) -> Phone:
    return Phone(exported)


@pytest.fixture(scope="module")
def vectoriser(bundle: Bundle) -> Vectoriser:
    return Vectoriser(load_feature_map(bundle.path / "feature_map.json"))


@given(texts, senders)
@settings(max_examples=200, deadline=None)
@example("I WIN ıf ΣΟΦΟΣ", "VM-HDFCBK-T")
@example("𞥐𞥑 digits beyond", "+")
@example("१२३४५६ आपका ओटीपी है", "12345")
def test_the_phone_computes_winnows_features(
    phone: Phone, vectoriser: Vectoriser, bundle: Bundle, sent: str, sender: str
) -> None:
    text, canonical = normalise(sent).text, canonical_address(sender)
    assume(text)  # an empty message is classified nowhere
    features = load_feature_map(bundle.path / "feature_map.json")
    ours = parity.row(compute_features(vectoriser, [text], [canonical]), 0, features)
    differing = np.flatnonzero(np.abs(phone.features(text, canonical) - ours) > 1e-6)
    assert differing.tolist() == []


def test_the_phone_gives_winnows_scores(exported: Path) -> None:
    found = verify(exported)
    assert found.texts == 60
    assert set(found.differences) == {"features", "otp", "phishing", "intent", "spam"}
    assert max(found.differences.values()) < 1e-5
    assert found.passed


@pytest.mark.parametrize("task", ["otp", "phishing", "spam", "intent"])
def test_another_score_is_found(exported: Path, tmp_path: Path, task: str) -> None:
    folder = shutil.copytree(exported, tmp_path / "copy")
    known = read(folder / "parity.json", Parity)
    case = next(case for case in known.cases if case.intent is not None)
    other = [score + 0.001 for score in case.intent or []] if task == "intent" else getattr(case, task) + 0.001
    changed = msgspec.structs.replace(case, **{task: other})
    (folder / "parity.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(known, cases=[changed])))
    found = verify(folder)
    assert not found.passed
    assert found.differences[task] == pytest.approx(0.001, abs=1e-4)


def test_a_score_that_is_no_number_does_not_pass(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = np.full(9, np.nan, dtype=np.float32)
    tasks = ("otp", "phishing", "spam", "intent")
    monkeypatch.setattr(Phone, "score", lambda self, vector: dict.fromkeys(tasks, nothing))
    assert not verify(exported).passed


def test_a_feature_computed_differently_is_found(exported: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(exported, tmp_path / "copy")
    found = read_map(folder)
    heavier = msgspec.structs.replace(found, idf=[2 * found.idf[0], *(1.0 for _ in found.idf[1:])])
    (folder / "feature_map.json").write_bytes(msgspec.json.encode(heavier))
    assert verify(folder).differences["features"] > 0.01


def test_a_file_that_is_missing_or_of_another_form_is_named(exported: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(exported, tmp_path / "copy")
    (folder / "model_intent.onnx").write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"model_intent\.onnx cannot be opened"):
        verify(folder)
    shutil.copyfile(exported / "model_intent.onnx", folder / "model_intent.onnx")
    found = read_map(folder)
    wider = msgspec.structs.replace(found, width=found.width + 1)
    (folder / "feature_map.json").write_bytes(msgspec.json.encode(wider))
    with pytest.raises(ConfigError, match=r"model_isotp\.onnx reads \d+ columns"):
        verify(folder)
    found = msgspec.structs.replace(found, format="winnow-mobile/0")
    (folder / "feature_map.json").write_bytes(msgspec.json.encode(found))
    with pytest.raises(ConfigError, match="winnow-mobile/0"):
        verify(folder)
    (folder / "feature_map.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"feature_map\.json is not of this version's form"):
        verify(folder)
    (folder / "parity.json").unlink()
    with pytest.raises(ConfigError, match=r"parity\.json cannot be read"):
        verify(folder)


def test_comparing_needs_no_onnx() -> None:
    code = "import sys, training.mobile.phone, deployments.cli.export; assert 'onnx' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
