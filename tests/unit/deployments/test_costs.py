from pathlib import Path

import pytest

from configs.settings import ROOT
from deployments import costs
from deployments.capacity import KINDS
from deployments.cli.serve import NAMES
from deployments.costs import Cost, Costs, Traffic
from pipeline.errors import ConfigError

KNOWN = Costs(
    measured="2026-01-31",
    cores=2,
    profile="serve.local.yaml",
    threads=1,
    lone=50.0,
    traffic={"single": Traffic(rates=(50.0, 199.5), skipped=0.7, cached=0.0)},
    parts={"Ingress": Cost(0.01, {"single": 0.002}, 0.001)},
)


def test_costs_are_read_as_they_were_written(tmp_path: Path):
    path = tmp_path / "build" / "costs.json"
    costs.write(path, KNOWN)
    assert costs.read(path) == KNOWN


def test_a_missing_file_says_how_to_make_it(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"costs\.json.*winnow capacity measure"):
        costs.read(tmp_path / "costs.json")


@pytest.mark.parametrize("content", ["", "[]", '{"measured": "2026-01-31"}', "\xff"])
def test_what_holds_no_costs_is_refused_by_name(tmp_path: Path, content: str):
    (tmp_path / "costs.json").write_text(content, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"costs\.json"):
        costs.read(tmp_path / "costs.json")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file/costs\.json"):
        costs.write(tmp_path / "file" / "costs.json", KNOWN)


def test_shipped_costs_know_every_deployment_and_kind():
    shipped = costs.read(ROOT / "configs/costs.json")
    assert shipped.parts.keys() >= NAMES | {"HAProxy", "Redis"}
    assert shipped.traffic.keys() == set(KINDS)
    assert all(cost.per_message.keys() == set(KINDS) for cost in shipped.parts.values())
