from pathlib import Path

import msgspec
import pytest

from model_store.manifest import DataSource, decode, encode
from model_store.store import SHIPPED, LocalStore
from pipeline.errors import ModelError
from tests.support.versions import manifest_of as manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    (made / "model.onnx").write_bytes(b"weights")
    (made / "tokenizer.json").write_text("{}")
    return made


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_what_is_published_opens_byte_for_byte(store: LocalStore, folder: Path) -> None:
    ref = store.publish(folder, manifest(folder))
    bundle = store.open(ref)
    assert ref == "distilbert/1"
    assert bundle.manifest == manifest(folder)
    assert (bundle.path / "model.onnx").read_bytes() == b"weights"
    assert sorted(p.name for p in bundle.path.parent.iterdir()) == ["1"]


def test_versions_are_sorted_by_number(store: LocalStore, folder: Path) -> None:
    for version in ("10", "9", "2"):
        store.publish(folder, manifest(folder, version))
    assert store.names() == ["distilbert"]
    assert store.versions("distilbert") == ["2", "9", "10"]
    assert store.versions("unknown") == []
    assert store.versions("../distilbert") == []


def test_a_version_never_changes(store: LocalStore, folder: Path) -> None:
    store.publish(folder, manifest(folder))
    (folder / "model.onnx").write_bytes(b"others!")
    with pytest.raises(ModelError, match="never changes"):
        store.publish(folder, manifest(folder))
    assert (store.open("distilbert/1").path / "model.onnx").read_bytes() == b"weights"


def test_a_folder_that_is_not_what_its_manifest_says_is_not_published(store: LocalStore, folder: Path) -> None:
    described = manifest(folder)
    (folder / "model.onnx").write_bytes(b"changed")
    with pytest.raises(ModelError, match="checksum"):
        store.publish(folder, described)
    assert store.versions("distilbert") == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / "model.onnx").write_bytes(b"weighty"), "checksum"),
        (lambda path: (path / "model.onnx").write_bytes(b"weights and more"), "16 bytes instead of 7"),
        (lambda path: (path / "model.onnx").unlink(), "lacks model.onnx"),
        (lambda path: (path / "manifest.json").write_text("{}"), "not valid"),
        (lambda path: (path / "manifest.json").unlink(), "no model version"),
    ],
)
def test_damage_is_refused(store: LocalStore, folder: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    store.publish(folder, manifest(folder))
    damage(store.open("distilbert/1").path)
    with pytest.raises(ModelError, match=message):
        store.open("distilbert/1")


@pytest.mark.parametrize("change", [{"normaliser": "0"}, {"features": "others/1"}])
def test_a_model_for_other_features_is_refused(store: LocalStore, folder: Path, change: dict[str, str]) -> None:
    store.publish(folder, manifest(folder, **change))
    with pytest.raises(ModelError, match="this code has"):
        store.open("distilbert/1")


def test_a_manifest_of_another_version_is_refused(store: LocalStore, folder: Path) -> None:
    store.publish(folder, manifest(folder))
    path = store.open("distilbert/1").path / "manifest.json"
    path.write_bytes(encode(manifest(folder, "2")))
    with pytest.raises(ModelError, match="is that of distilbert/2"):
        store.open("distilbert/1")


def test_a_manifest_cannot_reach_outside_its_folder(store: LocalStore, folder: Path) -> None:
    listed = manifest(folder)
    files = {**listed.files, "../other/model.onnx": listed.files["model.onnx"]}
    with pytest.raises(ModelError, match="outside its folder"):
        store.publish(folder, msgspec.structs.replace(listed, files=files))


@pytest.mark.parametrize("ref", ["", "distilbert", "distilbert/", "/1", "../x/1", "distilbert/../1", "distilbert/.1"])
def test_a_strange_reference_is_refused(store: LocalStore, ref: str) -> None:
    with pytest.raises(ModelError):
        store.open(ref)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/*/manifest.json")), ids=lambda path: path.parent.name)
def test_a_manifest_without_fingerprints_stays_byte_for_byte(path: Path) -> None:
    manifest = decode(path.read_bytes())
    assert encode(manifest) == path.read_bytes()
    source = DataSource("uci", 1, "CC BY 4.0", "train", sha256="0" * 64)
    fingerprinted = msgspec.structs.replace(manifest, data=[source])
    assert decode(encode(fingerprinted)) == fingerprinted


def test_every_shipped_version_opens() -> None:
    shipped = LocalStore(SHIPPED)
    for name in shipped.names():
        for version in shipped.versions(name):
            assert shipped.open(f"{name}/{version}").manifest.ref == f"{name}/{version}"
