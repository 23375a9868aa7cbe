"""What a stage's replica holds: loaded when wanted, let go for room, and nothing bad ever."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.stages.keeper import Keeper
from model_store.store import Bundle, LocalStore
from pipeline.errors import ModelError
from pipeline.readiness import READY
from tests.support.versions import manifest_of

MB = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    made = LocalStore(tmp_path / "store")
    for version in "1234":
        folder = tmp_path / version
        folder.mkdir()
        (folder / "model.onnx").write_bytes(version.encode() * MB)
        made.publish(folder, manifest_of(folder, version))
    return made


def keeper(store: LocalStore, budget: int = 100 * MB, load: Callable[[Bundle], str] | None = None) -> Keeper[str]:
    return Keeper("DistilBert", store, load or (lambda bundle: bundle.manifest.ref), ["distilbert/1"], budget, Hours())


class Hours:
    """A clock that goes an hour on whenever it is looked at."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 3600.0
        return self._now


def test_wanted_versions_are_loaded_beside_the_first(store: LocalStore) -> None:
    held = keeper(store)
    assert (held.get("distilbert/1"), held.get("distilbert/2")) == ("distilbert/1", None)
    held.hold(["distilbert/2"])
    assert held.get("distilbert/2") == "distilbert/2"
    assert held.states == {"distilbert/1": READY, "distilbert/2": READY}


def test_a_tampered_or_missing_version_is_named_and_the_others_go_on(store: LocalStore) -> None:
    (store.folder("distilbert/2") / "model.onnx").write_bytes(b"2" * (MB - 1) + b"x")
    held = keeper(store)
    held.hold(["distilbert/2", "distilbert/3", "distilbert/9"])
    assert "does not match its checksum" in held.states["distilbert/2"]
    assert "no model version" in held.states["distilbert/9"]
    assert (held.get("distilbert/2"), held.get("distilbert/3")) == (None, "distilbert/3")


def test_a_version_that_cannot_answer_the_dry_run_is_not_held(store: LocalStore) -> None:
    def load(bundle: Bundle) -> str:
        if bundle.manifest.version == "2":
            raise RuntimeError("words of a library")
        return "loaded"

    held = keeper(store, load=load)
    held.hold(["distilbert/2"])
    assert held.get("distilbert/2") is None
    assert held.states["distilbert/2"].startswith("cannot be loaded: RuntimeError at ")


def test_unused_versions_stay_until_their_room_is_needed(store: LocalStore) -> None:
    held = keeper(store, budget=3 * MB + MB // 2)
    held.hold(["distilbert/2"])
    held.hold([])
    assert held.get("distilbert/2"), "a change back finds it warm"
    held.hold(["distilbert/3"])
    held.hold(["distilbert/3", "distilbert/4"])
    assert [bool(held.get(f"distilbert/{i}")) for i in "1234"] == [True, False, True, True]


def test_what_does_not_fit_beside_what_is_wanted_is_refused(store: LocalStore) -> None:
    held = keeper(store, budget=2 * MB + MB // 2)
    held.hold(["distilbert/2", "distilbert/3"])
    assert held.get("distilbert/2")
    assert held.states["distilbert/3"] == "distilbert/3 needs 1 MB, more than what is left of 2 MB"


def test_a_first_version_that_cannot_be_loaded_stops_the_start(store: LocalStore) -> None:
    (store.folder("distilbert/1") / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"lacks model\.onnx"):
        keeper(store)
