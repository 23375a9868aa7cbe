from pathlib import Path

import pytest

from model_store.manifest import DataSource, Manifest, Platt
from model_store.store import LocalStore, describe_files
from tests.support.winnow import Winnow


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with the versions 2 and 10 of one model."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "model.onnx").write_bytes(b"weights" * 1000)
    (made / "tokenizer.json").write_text("{}")
    for version in ("2", "10"):
        LocalStore(tmp_path / "store").publish(made, _manifest(made, version))
    return tmp_path / "store"


def _manifest(folder: Path, version: str) -> Manifest:
    return Manifest(
        name="distilbert",
        version=version,
        kind="distilbert",
        created="2026-01-01",
        description="a compact net",
        files=describe_files(folder, ["model.onnx", "tokenizer.json"]),
        labels={"spam": ["ham", "spam"]},
        calibration={"spam": Platt()},
        thresholds={"spam": {"0.005": 0.5}},
        metrics={"uci_test": {"accuracy": 0.99, "mcc": 0.95}},
        data=[DataSource("uci", 4000, "CC BY 4.0", "train")],
    )


def test_versions_are_listed_oldest_first_with_their_figures(winnow: Winnow, store: Path):
    heading, first, second = winnow("models", "list", "--root", str(store)).stdout.splitlines()
    assert heading.split() == ["version", "kind", "created", "MB", "accuracy", "fpr", "recall", "mcc"]
    assert first.split()[:6] == ["distilbert/2", "distilbert", "2026-01-01", "0.0", "0.9900", "0.9500"]
    assert second.split()[0] == "distilbert/10"


def test_one_version_is_shown_with_files_data_and_figures(winnow: Winnow, store: Path):
    shown = winnow("models", "show", "distilbert/2", "--root", str(store)).stdout
    for part in ("model.onnx", "7,000", "uci", "4,000", "CC BY 4.0", "accuracy", "0.99", "0.5 at FPR 0.005"):
        assert part in shown


def test_verify_passes_what_is_whole(winnow: Winnow, store: Path):
    done = winnow("models", "verify", "--root", str(store))
    assert (done.exit_code, done.stdout) == (0, "distilbert/2 ok\ndistilbert/10 ok\n")


def test_verify_names_the_wrong_file_and_goes_on(winnow: Winnow, store: Path):
    (store / "distilbert" / "2" / "model.onnx").write_bytes(b"WEIGHTS" * 1000)
    done = winnow("models", "verify", "--root", str(store))
    assert (done.exit_code, done.stdout) == (1, "distilbert/10 ok\n")
    assert done.stderr == "error: model.onnx of distilbert/2 does not match its checksum\n"


@pytest.mark.parametrize("ref", ["distilbert/3", "../made", "distilbert"])
def test_a_version_that_does_not_exist_is_named(winnow: Winnow, store: Path, ref: str):
    for command in ("show", "verify"):
        failed = winnow("models", command, ref, "--root", str(store))
        assert failed.exit_code == 1
        assert ref in failed.stderr


def test_a_broken_manifest_does_not_hide_the_others(winnow: Winnow, store: Path):
    (store / "distilbert" / "2" / "manifest.json").write_text("{}")
    listed = winnow("models", "list", "--root", str(store))
    assert listed.exit_code == 1
    assert "distilbert/10" in listed.stdout
    assert "manifest of distilbert/2" in listed.stderr


def test_an_empty_store_says_so(winnow: Winnow, tmp_path: Path):
    assert "holds no model versions" in winnow("models", "list", "--root", str(tmp_path)).stderr
