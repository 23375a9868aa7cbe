import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from configs.profile import load
from configs.settings import ROOT
from deployments import costs
from deployments.cli import capacity
from deployments.cli.serve import NAMES
from deployments.cost_fit import Sample
from deployments.costs import Cost, Costs, Kind, Traffic
from deployments.paced import Load, Server
from pipeline.errors import Overloaded
from tests.support.api_server import KEY, ApiServer
from tests.support.winnow import Winnow

PARTS = (*sorted(NAMES), "HAProxy", "Redis", "Ray")
PRODUCTION = ROOT / "configs/serve.production.yaml"


def known(parts: tuple[str, ...] = PARTS, cost: float = 0.001) -> Costs:
    kinds: tuple[Kind, ...] = ("single", "bulk")
    each = Cost(0.01, dict.fromkeys(kinds, cost), 0.0)
    traffic = Traffic(rates=(50.0, 200.0), skipped=0.7, cached=0.0)
    return Costs(
        measured="2026-01-31",
        cores=2,
        profile="serve.local.yaml",
        threads=1,
        lone=50.0,
        traffic=dict.fromkeys(kinds, traffic),
        parts=dict.fromkeys(parts, each),
    )


@pytest.fixture
def written(tmp_path: Path) -> str:
    costs.write(tmp_path / "costs.json", known())
    return "costs.json"


@pytest.fixture
def at_home(winnow: Winnow, api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Winnow]:
    """A home folder that names a server whose one process sleeps; its loads are short."""
    home = tmp_path / ".winnow"
    home.mkdir()
    (home / "development.key").write_text(KEY)
    monkeypatch.setattr(capacity, "_WARM_UP_S", 0.02)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (home / "server.json").write_text(json.dumps({"url": api.url, "database_url": "", "pid": sleeper.pid}))
    try:
        yield winnow
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_rate_becomes_replicas_and_cores(winnow: Winnow, written: str):
    shown = winnow("capacity", "--rate", "12000", "--costs", written)
    assert shown.exit_code == 0, shown.stderr
    rows = {line.split()[0]: line.split() for line in shown.stdout.splitlines() if line.strip()}
    # 12 cores of messages; each replica may be 0.6 cores busy, 0.01 of which it takes at rest
    for part in ("Ingress", "DistilBert", "HAProxy"):
        assert rows[part] == [part, "21", "12.21", "1"]
    assert rows["Ray"][1] == "1"


def test_a_higher_utilisation_needs_fewer_replicas(winnow: Winnow, written: str):
    shown = winnow("capacity", "--rate", "12000", "--costs", written, "--utilisation", "1")
    assert "{name: Ingress, num_replicas: 13, " in shown.stdout


def test_the_lines_to_paste_are_a_profile(winnow: Winnow, written: str, tmp_path: Path):
    shown = winnow("capacity", "--rate", "12000", "--kind", "bulk", "--costs", written)
    pasted = shown.stdout[shown.stdout.index("    deployments:") :]
    text = PRODUCTION.read_text()
    (tmp_path / "mine.yaml").write_text(text[: text.index("    # New replicas")] + pasted)
    mine, theirs = (load(path, NAMES).application.deployments for path in (tmp_path / "mine.yaml", PRODUCTION))
    assert [each.name for each in mine] == [each.name for each in theirs]
    for one, other in zip(mine, theirs, strict=True):
        assert (one.num_replicas, one.autoscaling_config) == (21, None)
        assert one.ray_actor_options is not None and one.ray_actor_options.num_cpus == 1
        changed = {"num_replicas": None, "autoscaling_config": None, "ray_actor_options": None}
        assert msgspec.structs.replace(one, **changed) == msgspec.structs.replace(other, **changed)


def test_threads_of_the_profile_count(winnow: Winnow, written: str, tmp_path: Path):
    text = PRODUCTION.read_text()
    (tmp_path / "named.yaml").write_text(text.replace("    args:\n", "    args:\n      models: {threads: 4}\n"))
    before, after = text.split("- name: DistilBert")
    (tmp_path / "reserved.yaml").write_text(
        f"{before}- name: DistilBert{after.replace('num_cpus: 1', 'num_cpus: 4', 1)}"
    )
    for profile in ("named.yaml", "reserved.yaml"):
        shown = winnow("capacity", "--rate", "12000", "--costs", written, "--config", profile)
        assert "{name: DistilBert, num_replicas: 6, " in shown.stdout
        assert "ray_actor_options: {num_cpus: 4}" in shown.stdout


def test_shipped_costs_are_the_default(winnow: Winnow):
    shown = winnow("capacity", "--rate", "100")
    assert shown.exit_code == 0, shown.stderr


def test_a_rate_is_needed(winnow: Winnow, written: str):
    assert winnow("capacity", "--costs", written).exit_code == 2


def test_costs_that_lack_a_deployment_are_refused(winnow: Winnow, tmp_path: Path):
    costs.write(tmp_path / "costs.json", known(tuple(part for part in PARTS if part != "Tokenizer")))
    failed = winnow("capacity", "--rate", "100", "--costs", "costs.json")
    assert failed.exit_code == 1
    assert "lacks Tokenizer" in failed.stderr


def test_measuring_writes_what_was_found(at_home: Winnow, api: ApiServer, tmp_path: Path):
    shown = at_home("capacity", "measure", "--seconds", "0.2")
    assert shown.exit_code == 0, shown.stderr
    found = costs.read(tmp_path / "build" / "capacity.json")
    assert found.parts.keys() == {"Ray"}  # the sleeper, which is no part by any other name
    assert all(found.traffic[kind].cached == 0 for kind in ("single", "bulk"))
    texts = [body["text"] for body in api.bodies("/v1/classify")]
    texts += [message["text"] for body in api.bodies("/v1/classify/batch") for message in body["messages"]]
    assert len(set(texts)) == len(texts)
    assert "single, alone" in shown.stdout and "build/capacity.json" in shown.stderr


def test_a_check_shows_predicted_beside_measured(at_home: Winnow, written: str):
    shown = at_home("capacity", "check", "--rate", "100", "--seconds", "0.2", "--costs", written)
    assert shown.exit_code == 0, shown.stderr
    rows = {line.split()[0]: line.split() for line in shown.stdout.splitlines() if line.strip()}
    assert rows["Ray"][1] != "0.000"
    assert rows["Ingress"][2] == "0.000"
    assert rows["all"][0] == "all"


@pytest.mark.parametrize(("pace", "said"), [(0.5, True), (1.0, False)])
def test_a_server_that_falls_behind_is_said(
    at_home: Winnow, written: str, monkeypatch: pytest.MonkeyPatch, pace: float, said: bool
):
    async def load(_: Server, kind: Kind, rate: float, seconds: float) -> Load:
        return Load(Sample(kind, seconds / pace, round(rate * seconds), {}), skipped=0, cached=0)

    monkeypatch.setattr(Server, "load", load)
    shown = at_home("capacity", "check", "--rate", "100", "--costs", written)
    assert shown.exit_code == 0, shown.stderr
    assert ("fell behind: 50 messages/s" in shown.stderr) is said


def test_rates_that_a_server_cannot_follow_are_left_out(
    at_home: Winnow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    unlimited = Server.load

    async def limited(server: Server, kind: Kind, rate: float, seconds: float) -> Load:
        if kind == "single" and rate == 100:
            raise Overloaded
        return await unlimited(server, kind, rate, seconds)

    monkeypatch.setattr(Server, "load", limited)
    shown = at_home("capacity", "measure", "--seconds", "0.2")
    assert shown.exit_code == 0, shown.stderr
    assert "left out 100 messages/s: Too many messages are waiting" in shown.stderr
    assert len(costs.read(tmp_path / "build" / "capacity.json").traffic["single"].rates) == 2


def test_a_server_that_can_follow_no_rate_is_an_error(at_home: Winnow, api: ApiServer, tmp_path: Path):
    api.faults.append(Overloaded(retry_after_s=60))
    failed = at_home("capacity", "measure", "--seconds", "0.2")
    assert failed.exit_code == 1
    assert not (tmp_path / "build").exists()


def test_a_plan_beyond_what_was_measured_is_said(winnow: Winnow, written: str):
    assert "measured up to 200" in winnow("capacity", "--rate", "12000", "--costs", written).stderr
    assert winnow("capacity", "--rate", "150", "--costs", written).stderr == ""


def test_a_home_without_a_server_is_said(winnow: Winnow):
    failed = winnow("capacity", "measure")
    assert failed.exit_code == 1
    assert "no server runs in .winnow" in failed.stderr
