"""A stage follows the experiments in a real Postgres."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from deployments.stages.follower import follow
from deployments.stages.keeper import Keeper
from model_store.store import Bundle, LocalStore
from pipeline.clients.experiments import Experiments
from pipeline.clients.fleet import Fleet
from pipeline.clients.postgres import Database
from pipeline.readiness import READY, transformers
from pipeline.routing import Experiment
from pipeline.trail import Setup
from tests.support.database import within
from tests.support.versions import manifest_of


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    made = LocalStore(tmp_path / "store")
    for version in "13":
        folder = tmp_path / version
        folder.mkdir()
        (folder / "model.onnx").write_bytes(version.encode())
        made.publish(folder, manifest_of(folder, version))
    return made


@pytest.fixture
def named(postgres: str) -> str:
    """URL of a database whose experiment names distilbert/3 with some weight."""

    async def begin(database: Database) -> None:
        await database.migrate()
        setup = Setup({"distilbert/1": 1.0, "distilbert/3": 1.0})
        await Experiments(database).put("spam", setup, who="test", default="distilbert/1")

    within(postgres, begin)
    return postgres


def told(url: str) -> list[Mapping[str, str]]:
    return list(within(url, lambda database: Fleet(database).holdings()).get("DistilBert", ()))


def sees(url: str, versions: dict[str, str]) -> None:
    give_up = time.monotonic() + 10
    while versions not in told(url):
        assert time.monotonic() < give_up, told(url)
        time.sleep(0.1)


def test_it_holds_what_experiments_name_and_tells_of_itself(store: LocalStore, named: str) -> None:
    held = Keeper("DistilBert", store, lambda bundle: bundle.manifest.ref, ["distilbert/1"], 1 << 30)
    follow(held, named, transformers)
    assert held.get("distilbert/3"), "a replica that starts holds what is in force before it says that it is ready"
    sees(named, {"distilbert/1": READY, "distilbert/3": READY})


def test_a_long_first_load_is_told_of_and_waited_for(
    store: LocalStore, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.stages.follower._PATIENCE_S", 2.0)
    seen: list[Mapping[str, str]] = []

    def load(bundle: Bundle) -> str:
        if bundle.manifest.version == "3":
            time.sleep(4.0)
            seen.extend(told(named))
        return bundle.manifest.ref

    held = Keeper("DistilBert", store, load, ["distilbert/1"], 1 << 30)
    follow(held, named, transformers)
    assert held.get("distilbert/3")
    assert {"distilbert/1": READY, "distilbert/3": "loading"} in seen


def test_it_goes_on_after_whatever_fails(store: LocalStore, named: str, caplog: pytest.LogCaptureFixture) -> None:
    faults = [RuntimeError("words of a library")]

    def needs(experiments: list[Experiment]) -> list[str]:
        if faults:
            raise faults.pop()
        return transformers(experiments)

    held = Keeper("DistilBert", store, lambda bundle: bundle.manifest.ref, ["distilbert/1"], 1 << 30)
    follow(held, named, needs)
    assert held.get("distilbert/3")
    assert "words of a library" not in caplog.text
