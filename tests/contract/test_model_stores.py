"""One suite for every model store: a folder, and a bucket of a real S3 server."""

from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from model_store.manifest import Ensemble, encode
from model_store.store import LocalStore, Store
from pipeline.errors import ModelError
from tests.support.s3 import LARGE, REF, SMALL, make_version
from tests.support.versions import manifest_of


class Place(Protocol):
    """Where versions lie, and the power to spoil them."""

    def store(self, *, min_created: str = "") -> Store: ...
    def overwrite(self, key: str, data: bytes | None) -> None: ...


class Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def store(self, *, min_created: str = "") -> Store:
        return LocalStore(self._root, min_created=min_created)

    def overwrite(self, key: str, data: bytes | None) -> None:
        (self._root / key).unlink() if data is None else (self._root / key).write_bytes(data)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    found: Place = Folder(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("s3")
    return found


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return make_version(tmp_path / "made")


def test_what_is_published_opens_byte_for_byte(place: Place, tmp_path: Path) -> None:
    made = make_version(tmp_path / "made", LARGE)
    manifest = manifest_of(made)
    assert place.store().publish(made, manifest) == REF
    bundle = place.store().open(REF)
    assert bundle.manifest == place.store().manifest(REF) == manifest
    assert {path.name for path in bundle.path.iterdir()} == {*manifest.files, "manifest.json"}
    for name in manifest.files:
        assert (bundle.path / name).read_bytes() == (made / name).read_bytes()
    place.store().verify(REF)


def test_versions_are_sorted_by_number(place: Place, made: Path) -> None:
    for version in ("10", "9", "2"):
        place.store().publish(made, manifest_of(made, version))
    assert place.store().names() == ["distilbert"]
    assert place.store().versions("distilbert") == ["2", "9", "10"]
    assert place.store().versions("distil") == []
    assert place.store().versions("../distilbert") == []


def test_an_empty_store_holds_nothing(place: Place) -> None:
    assert place.store().names() == []
    for call in (place.store().open, place.store().manifest, place.store().verify, place.store().delete):
        with pytest.raises(ModelError, match="no model version distilbert/1"):
            call(REF)


def test_a_version_never_changes(place: Place, made: Path) -> None:
    place.store().publish(made, manifest_of(made))
    (made / "tokenizer.json").write_text("[]")
    with pytest.raises(ModelError, match="distilbert/1 is already published"):
        place.store().publish(made, manifest_of(made))
    assert (place.store().open(REF).path / "tokenizer.json").read_text() == "{}"


def test_a_folder_that_is_not_what_its_manifest_says_is_not_published(place: Place, made: Path) -> None:
    described = manifest_of(made)
    (made / "tokenizer.json").write_text("[]")
    with pytest.raises(ModelError, match=r"tokenizer\.json of distilbert/1 does not match its checksum"):
        place.store().publish(made, described)
    assert place.store().names() == []


@pytest.mark.parametrize(
    ("file", "data", "message"),
    [
        ("b.onnx", b"Weights", "b.onnx of distilbert/1 does not match its checksum"),
        ("a.onnx", b"short", f"a.onnx of distilbert/1 has 5 bytes instead of {SMALL}"),
        ("a.onnx", b"", f"a.onnx of distilbert/1 has 0 bytes instead of {SMALL}"),
        ("empty.txt", b"more", "empty.txt of distilbert/1 has 4 bytes instead of 0"),
        ("tokenizer.json", None, "distilbert/1 lacks tokenizer.json"),
        ("manifest.json", b"{}", "the manifest of distilbert/1 is not valid"),
        ("manifest.json", b'{"name": ', "the manifest of distilbert/1 is not valid"),
        ("manifest.json", None, "there is no model version distilbert/1"),
    ],
    ids=["tampered", "truncated", "emptied", "longer", "lost", "no manifest", "half a manifest", "manifest lost"],
)
def test_damage_is_refused(place: Place, made: Path, file: str, data: bytes | None, message: str) -> None:
    place.store().publish(made, manifest_of(made))
    place.overwrite(f"{REF}/{file}", data)
    for call in (place.store().open, place.store().verify):
        with pytest.raises(ModelError) as caught:
            call(REF)
        assert message in caught.value.detail


@pytest.mark.parametrize("change", [{"normaliser": "0"}, {"features": "others/1"}], ids=str)
def test_a_model_for_other_inputs_is_refused(place: Place, made: Path, change: dict[str, str]) -> None:
    place.store().publish(made, manifest_of(made, **change))
    for call in (place.store().open, place.store().verify):
        with pytest.raises(ModelError, match=r"distilbert/1 needs .* this code has"):
            call(REF)


def test_a_model_that_is_too_old_is_refused(place: Place, made: Path) -> None:
    place.store().publish(made, manifest_of(made, created="2026-01-31"))
    assert place.store(min_created="2026-01-31").open(REF).manifest.ref == REF
    for call in (place.store(min_created="2026-02-01").open, place.store(min_created="2026-02-01").verify):
        with pytest.raises(ModelError, match="distilbert/1 is of 2026-01-31; versions from before 2026-02-01"):
            call(REF)


def test_a_model_of_no_known_date_is_too_old(place: Place, made: Path) -> None:
    place.store().publish(made, manifest_of(made, created="yesterday"))
    assert place.store().open(REF).manifest.created == "yesterday"
    with pytest.raises(ModelError, match="no known date: 'yesterday'"):
        place.store(min_created="2026-01-01").open(REF)


def test_a_manifest_of_another_version_is_refused(place: Place, made: Path) -> None:
    place.store().publish(made, manifest_of(made))
    place.overwrite(f"{REF}/manifest.json", encode(manifest_of(made, "2")))
    with pytest.raises(ModelError, match="the manifest of distilbert/1 is that of distilbert/2"):
        place.store().open(REF)


@pytest.mark.parametrize("name", ["../b.onnx", "/b.onnx", "x/b.onnx", "..", "", "manifest.json"])
def test_a_manifest_cannot_reach_outside_its_folder(place: Place, made: Path, name: str) -> None:
    manifest = manifest_of(made)
    place.store().publish(made, manifest)
    reaching = msgspec.structs.replace(manifest, files={**manifest.files, name: manifest.files["b.onnx"]})
    place.overwrite(f"{REF}/manifest.json", encode(reaching))
    with pytest.raises(ModelError, match="outside its folder"):
        place.store().open(REF)


@pytest.mark.parametrize("ref", ["", "distilbert", "distilbert/", "/1", "../x/1", "distilbert/../1", "distilbert/.1"])
def test_a_strange_reference_is_refused(place: Place, ref: str) -> None:
    for call in (place.store().open, place.store().manifest, place.store().verify, place.store().delete):
        with pytest.raises(ModelError, match="form name/version"):
            call(ref)


def test_a_version_that_is_deleted_is_gone(place: Place, made: Path) -> None:
    store = place.store()
    store.publish(made, manifest_of(made))
    store.open(REF)
    store.delete(REF)
    assert store.names() == store.versions("distilbert") == []
    for call in (store.open, store.delete):
        with pytest.raises(ModelError, match="no model version distilbert/1"):
            call(REF)


@pytest.mark.parametrize("named_as", ["parent", "partner"])
def test_what_another_version_names_is_deleted_by_force_alone(place: Place, made: Path, named_as: str) -> None:
    store = place.store()
    change = {"parent": REF} if named_as == "parent" else {"ensemble": Ensemble(0.5, 1.0, 0.0, REF)}
    store.publish(made, manifest_of(made))
    store.publish(made, manifest_of(made, "2", **change))
    with pytest.raises(ModelError, match="distilbert/2 names distilbert/1 as its parent or partner"):
        store.delete(REF)
    assert store.open(REF).manifest.ref == REF
    store.delete(REF, force=True)
    store.delete("distilbert/2")
    assert store.names() == []
