from pathlib import Path

import pytest

from model_store.manifest import DataSource, Manifest, Platt, encode
from model_store.store import SHIPPED, LocalStore, describe_files
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


@pytest.fixture
def trained(tmp_path: Path, store: Path) -> Path:
    """A folder as training leaves it, of a version that the store lacks."""
    folder = tmp_path / "made"
    (folder / "manifest.json").write_bytes(encode(_manifest(folder, "11")))
    return folder


def test_a_pushed_version_comes_back_as_it_was(winnow: Winnow, store: Path, trained: Path, tmp_path: Path):
    where = ("--root", str(store))
    assert winnow("models", "push", str(trained), *where).stdout == "distilbert/11 is published\n"
    assert winnow("models", "pull", "distilbert/11", "--to", "back", *where).stdout == "distilbert/11 is in back\n"
    back = {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()}
    assert back == {path.name: path.read_bytes() for path in trained.iterdir()}


def test_nothing_is_pushed_twice(winnow: Winnow, store: Path, trained: Path):
    winnow("models", "push", str(trained), "--root", str(store))
    again = winnow("models", "push", str(trained), "--root", str(store))
    assert (again.exit_code, again.stderr) == (
        1,
        "error: distilbert/11 is already published; a version never changes\n",
    )


def test_a_folder_without_a_good_manifest_is_not_pushed(winnow: Winnow, store: Path, trained: Path):
    for damage, message in [("{}", "the manifest is not valid"), (None, "holds no manifest.json")]:
        (trained / "manifest.json").unlink() if damage is None else (trained / "manifest.json").write_text(damage)
        failed = winnow("models", "push", str(trained), "--root", str(store))
        assert failed.exit_code == 1
        assert message in failed.stderr
    assert LocalStore(store).versions("distilbert") == ["2", "10"]


def test_pull_overwrites_nothing(winnow: Winnow, store: Path, tmp_path: Path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes.txt").write_text("mine")
    failed = winnow("models", "pull", "distilbert/2", "--to", "there", "--root", str(store))
    assert (failed.exit_code, failed.stderr) == (1, "error: there: it exists already\n")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["notes.txt"]


def test_a_store_that_cannot_be_written_is_named(winnow: Winnow, trained: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    failed = winnow("models", "push", str(trained), "--root", str(tmp_path / "file" / "store"))
    assert failed.exit_code == 1
    assert failed.stderr.startswith("error: ") and str(tmp_path / "file") in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_delete_asks_first(winnow: Winnow, store: Path):
    where = ("--root", str(store))
    assert winnow("models", "delete", "distilbert/2", *where, stdin="n\n").exit_code == 1
    assert LocalStore(store).versions("distilbert") == ["2", "10"]
    assert winnow("models", "delete", "distilbert/2", *where, stdin="y\n").exit_code == 0
    assert LocalStore(store).versions("distilbert") == ["10"]


def test_push_and_delete_never_mean_the_models_that_ship(winnow: Winnow, trained: Path):
    for command in (("push", str(trained)), ("delete", "distilbert/4", "--yes")):
        assert "--root" in winnow("models", *command).stderr
    assert (SHIPPED / "distilbert" / "4").is_dir()
