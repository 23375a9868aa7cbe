"""A stage follows the experiments in a real Postgres."""

import time
from pathlib import Path

from deployments.stages.follower import follow
from deployments.stages.keeper import Keeper
from model_store.store import LocalStore
from pipeline.clients.experiments import Experiments
from pipeline.clients.fleet import Fleet
from pipeline.clients.postgres import Database
from pipeline.readiness import READY, transformers
from pipeline.trail import Setup
from tests.support.database import within
from tests.support.versions import manifest_of


def test_it_holds_what_experiments_name_and_tells_of_itself(tmp_path: Path, postgres: str) -> None:
    store = LocalStore(tmp_path / "store")
    for version in "13":
        folder = tmp_path / version
        folder.mkdir()
        (folder / "model.onnx").write_bytes(version.encode())
        store.publish(folder, manifest_of(folder, version))

    async def begin(database: Database) -> None:
        await database.migrate()
        setup = Setup({"distilbert/1": 1.0, "distilbert/3": 0.0})
        await Experiments(database).put("spam", setup, who="test", default="distilbert/1")

    within(postgres, begin)
    held = Keeper("DistilBert", store, lambda bundle: bundle.manifest.ref, ["distilbert/1"], 1 << 30)
    follow(held, postgres, transformers)
    assert held.get("distilbert/3"), "a replica that starts holds what is in force before it says that it is ready"
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        told = within(postgres, lambda database: Fleet(database).holdings()).get("DistilBert", [])
        if {"distilbert/1": READY, "distilbert/3": READY} in told:
            return
        time.sleep(0.1)
    raise AssertionError("nothing was told")
