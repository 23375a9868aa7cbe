"""Start, Ctrl-C, start again; an unclean death; what is refused before anything starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from configs.settings import ROOT
from tests.support.server import Server, free_port


@pytest.mark.timeout(400)  # three starts of a whole server
def test_it_stops_whole_and_starts_again(tmp_path: Path):
    """After Ctrl-C, and after SIGKILL, which leaves no time to clean up."""
    server = Server(tmp_path / "home")
    server.start()
    first_key = server.key
    assert server.classify("hello")["status"] == "complete"
    children = psutil.Process(server.process_id).children(recursive=True)
    assert any("haproxy" in child.name() for child in _processes(server))
    assert server.stop(signal.SIGINT) == 0
    _await_end(server, children)
    assert not (tmp_path / "home" / "server.json").exists()

    server.start()
    assert server.key == first_key
    server.stop(signal.SIGKILL)

    server.start()
    assert server.classify("hello again")["status"] == "complete"
    assert server.stop(signal.SIGHUP) == 0


def test_a_second_server_in_the_same_folder_is_refused_and_leaves_the_first_alone(server: Server):
    argv = [sys.executable, "-m", "deployments.cli", "serve", "--home", str(server.home), "--port", str(free_port())]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "in use by another server" in ended.stderr.replace("\n", " ")
    assert server.classify("still here")["status"] == "complete"


def test_its_sockets_are_closed_to_other_users(server: Server):
    run = Path(server.state["logs"]).parents[2]
    assert run.stat().st_mode & 0o077 == 0


def _processes(server: Server) -> list[psutil.Process]:
    """Every process that belongs to this server, by the folder that its command line names."""
    run = str(Path(server.state["logs"]).parents[2])
    processes = psutil.process_iter(["cmdline"])
    return [process for process in processes if any(run in word for word in process.info["cmdline"] or [])]


def _await_end(server: Server, processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=15)
    alive = [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert not alive, [p.cmdline() for p in alive]
    with pytest.raises(OSError):
        server.request("GET", "/healthz", key="")


def refused(tmp_path: Path, *options: str, profile: object = None) -> str:
    """What `winnow serve` says when it refuses to start."""
    if profile is not None:
        config = tmp_path / "serve.yaml"
        config.write_bytes(msgspec.yaml.encode(profile))
        options = (*options, "--config", str(config))
    argv = [sys.executable, "-m", "deployments.cli", "serve", "--home", str(tmp_path / "home"), *options]
    ended = subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "400"}
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def local_profile() -> dict[str, object]:
    return msgspec.yaml.decode((ROOT / "configs/serve.local.yaml").read_bytes())


def test_a_port_in_use_is_named(tmp_path: Path, server: Server):
    assert f"port {server.port} is in use" in refused(tmp_path, "--port", str(server.port))


def test_unknown_settings_are_named(tmp_path: Path):
    profile = local_profile()
    profile["applications"][0]["args"] = {"cascade": {"enabeld": True}}
    assert "enabeld" in refused(tmp_path, profile=profile)


def test_unknown_options_of_a_deployment_are_named_with_their_line(tmp_path: Path):
    profile = local_profile()
    profile["applications"][0]["deployments"][0]["replicas"] = 2
    message = refused(tmp_path, profile=profile)
    assert "replicas" in message
    assert "serve.yaml:" in message


def test_unknown_deployments_are_named(tmp_path: Path):
    profile = local_profile()
    profile["applications"][0]["deployments"].append({"name": "Oracle"})
    assert "Oracle" in refused(tmp_path, profile=profile)


def test_a_rule_that_does_not_compile_is_refused_with_its_line(tmp_path: Path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        'version: "1"\nlists: {}\nsymbols:\n'
        '  - {symbol: BROKEN, target: spam, score: 1, describe: x, text: "(unclosed"}\n'
    )
    profile = local_profile()
    profile["applications"][0]["args"] = {"rules": str(rules)}
    message = refused(tmp_path, "--port", str(free_port()), profile=profile)
    assert "rules.yaml:4" in message
    assert "BROKEN" in message
