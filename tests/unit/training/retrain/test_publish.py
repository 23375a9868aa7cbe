from pathlib import Path

import msgspec
import pytest

from model_store.manifest import DataSource, Manifest, encode
from model_store.store import Bundle, LocalStore
from pipeline.errors import ModelError
from tests.support.versions import manifest_of
from training.retrain.publish import assemble, publish

PRETRAINED = DataSource(name="dstc8", rows=0, licence="any", use="pretrain")
TAUGHT = DataSource(name="uci", rows=3, licence="any", use="train")


@pytest.fixture
def staged(tmp_path: Path) -> Bundle:
    folder = tmp_path / "staged"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"weights")
    own = msgspec.structs.replace(PRETRAINED, name="nus")
    return Bundle(folder, manifest_of(folder, "2", data=[TAUGHT, own], metrics={"uci_test": {"accuracy": 0.9}}))


@pytest.fixture
def report(tmp_path: Path) -> Path:
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "report.md").write_text("# good")
    return folder


def parent_of(tmp_path: Path) -> Manifest:
    folder = tmp_path / "parent"
    folder.mkdir()
    return manifest_of(folder, "1", data=[TAUGHT, PRETRAINED])


@pytest.mark.parametrize(("goes_on", "pretrained"), [(True, "dstc8"), (False, "nus")])
def test_a_candidate_names_parent_figures_report_and_what_its_weights_have_read(
    staged: Bundle, report: Path, tmp_path: Path, goes_on: bool, pretrained: str
) -> None:
    parent, figures = parent_of(tmp_path), {"uci_test": {"accuracy": 0.95}}
    folder = assemble(staged, tmp_path / "push", parent, figures, report, ["report.md"], goes_on=goes_on)
    store = LocalStore(tmp_path / "store")
    assert publish(store, folder) == "distilbert/2"
    found = store.open("distilbert/2")
    assert found.manifest.parent == "distilbert/1"
    assert found.manifest.metrics == {"uci_test": {"accuracy": 0.9}, "gates_uci_test": {"accuracy": 0.95}}
    assert [source.name for source in found.manifest.data] == ["uci", pretrained]
    assert (found.path / "report.md").read_text() == "# good"
    assert "gates_uci_test" in (found.path / "CARD.md").read_text()


def test_published_twice_is_published_once(staged: Bundle, report: Path, tmp_path: Path) -> None:
    store, parent = LocalStore(tmp_path / "store"), parent_of(tmp_path)
    for _ in range(2):
        folder = assemble(staged, tmp_path / "push", parent, {}, report, ["report.md"], goes_on=False)
        assert publish(store, folder) == "distilbert/2"
        (report / "report.md").write_text("# drawn anew, a byte differs")


def test_a_version_that_somebody_else_published_meanwhile_is_left_alone(
    staged: Bundle, report: Path, tmp_path: Path
) -> None:
    store = LocalStore(tmp_path / "store")
    theirs = msgspec.structs.replace(staged.manifest, description="theirs")
    store.publish(staged.path, theirs)
    folder = assemble(staged, tmp_path / "push", parent_of(tmp_path), {}, report, ["report.md"], goes_on=False)
    with pytest.raises(ModelError, match="somebody else published distilbert/2 meanwhile; the next run begins anew"):
        publish(store, folder)
    assert encode(store.manifest("distilbert/2")) == encode(theirs)
