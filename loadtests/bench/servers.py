"""The servers that are compared, and how each is started."""

import hashlib
import http.client
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec

from configs.settings import ROOT, Settings, project_path
from deployments.environment import free_ports
from loadtests.bench.load import Plan
from loadtests.bench.messages import BULK, bulk_bodies, single_bodies
from loadtests.bench.peers.model import Options
from loadtests.bench.processes import Process, started
from pipeline.errors import ConfigError, Unavailable

HERE = Path(__file__).resolve().parent
PEERS_ENV = ROOT / "build" / "peers"
SHIPPED_CONFIG = ROOT / "configs" / "serve.local.yaml"
#: Of Winnow: every message through every model without a cache, and as shipped; stages apart, and in the ingress.
WINNOWS = {
    "all models on every message, no cache": HERE / "configs" / "full.yaml",
    "all models on every message, no cache; compact": HERE / "configs" / "full_compact.yaml",
    "cascade, cache cold": SHIPPED_CONFIG,
    "cascade, cache cold; compact": ROOT / "configs" / "serve.compact.yaml",
}
BATCH, WAIT_MS = 32, 5.0
COMPLETE = '"status":"complete"'  #: in every whole verdict of Winnow

_READY_S = 180.0
_PROBE = "Are we still on for lunch?"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running server is asked, and what its answers must say."""

    port: int
    path: str
    headers: dict[str, str] = {}
    is_winnow: bool = False
    in_list: bool = False  #: whether it takes a list of one text
    process: Process
    home: Path  #: of Winnow; else a folder of nothing

    def plan(self, texts: Sequence[str], connections: int, rate: float | None = None) -> Plan:
        """One message a request; see `Plan`."""
        bodies = single_bodies(texts, self.in_list)
        plan = Plan(
            port=self.port, path=self.path, headers=self.headers, bodies=bodies, connections=connections, rate=rate
        )
        return msgspec.structs.replace(plan, marker=COMPLETE, complete=True) if self.is_winnow else plan

    def bulk_plan(self, texts: Sequence[str], connections: int) -> Plan:
        """Winnow's batch endpoint, `BULK` messages in each request."""
        plan = self.plan([], connections)
        return msgspec.structs.replace(plan, bodies=bulk_bodies(texts), path=f"{self.path}/batch", markers=BULK)


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to measure: Winnow with a config file, or a peer with a setting."""

    name: str
    setting: str
    kind: Literal["winnow", "peer"]
    config: Path = SHIPPED_CONFIG
    module: str = ""
    path: str = "/v1/classify"
    in_peers_env: bool = False
    batch: int = 1
    workers: int = 1
    in_list: bool = False


def winnows() -> list[Server]:
    return [Server(name="Winnow", setting=setting, kind="winnow", config=path) for setting, path in WINNOWS.items()]


def peers() -> list[Server]:
    """Each peer batched and unbatched, with one and with two processes that hold the model."""
    kinds = (
        ("FastAPI", "fastapi_peer", "/classify", False),
        ("mosec", "mosec_peer", "/inference", True),
        ("LitServe", "litserve_peer", "/predict", True),
        ("BentoML", "bentoml_peer", "/classify", True),
        ("Ray Serve", "ray_peer", "/classify", False),
    )
    return [
        Server(
            name=name,
            setting=_setting(batch, workers),
            kind="peer",
            module=module,
            path=path,
            in_peers_env=own,
            batch=batch,
            workers=workers,
            in_list=module == "bentoml_peer" and batch > 1,
        )
        for name, module, path, own in kinds
        for batch in (BATCH, 1)
        for workers in (1, 2)
    ]


def _setting(batch: int, workers: int) -> str:
    batching = f"batches of up to {batch}" if batch > 1 else "no batching"
    return f"{batching}, {workers} worker{'s'[: workers - 1]}"


def model_folder() -> Path:
    """The version folder of the default transformer."""
    models = Settings().models
    return project_path(models.root) / models.transformers[0]


@contextmanager
def serving(server: Server) -> Iterator[Target]:
    """Start a server in folders of its own, wait until it answers, end it after the block.

    Raises:
        Unavailable: it does not come up; the detail has the end of its log.
    """
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        command, variables = _winnow(server, home, port) if server.kind == "winnow" else _peer(server, port)
        with started(command, variables, home) as process:
            target = Target(
                port=port,
                path=server.path,
                is_winnow=server.kind == "winnow",
                in_list=server.in_list,
                process=process,
                home=home,
            )
            yield _ready(target)


def _winnow(server: Server, home: Path, port: int) -> tuple[list[str], dict[str, str]]:
    options = ["--config", str(server.config), "--home", str(home), "--port", str(port)]
    return [sys.executable, "-m", "deployments.cli", "serve", *options], {}


def _peer(server: Server, port: int) -> tuple[list[str], dict[str, str]]:
    python = str(PEERS_ENV / "bin" / "python") if server.in_peers_env else sys.executable
    options = Options(model_folder(), port, server.batch, WAIT_MS, server.workers)
    # Ray keeps a token of its own making in the user's home, unless it is given one.
    variables = {**options.variables(), "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    return [python, "-m", f"loadtests.bench.peers.{server.module}"], variables


def _ready(target: Target) -> Target:
    give_up = time.monotonic() + _READY_S
    while time.monotonic() < give_up:
        target.process.check()
        key = target.home / "development.key"
        if key.exists():
            target = msgspec.structs.replace(target, headers={"Authorization": f"Bearer {key.read_text().strip()}"})
        is_up = not target.is_winnow or (target.home / "server.json").exists()  # Winnow says itself when it is ready
        with suppress(OSError, http.client.HTTPException):
            if is_up and probe(target) == 200:
                return target
        time.sleep(0.2)
    raise Unavailable(f"no answer after {_READY_S:.0f} s; its log ends with:\n{target.process.tail()}")


def probe(target: Target, text: str = _PROBE) -> int:
    """The status of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=30)
    (body,) = single_bodies([text], target.in_list)
    try:
        connection.request("POST", target.path, body.encode(), {"Content-Type": "application/json", **target.headers})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def prepare_peers() -> None:
    """Make the peers' environment, where it is missing or its requirements have changed.

    Raises:
        ConfigError: it cannot be made.
    """
    wanted = HERE / "requirements.txt"
    stamp = PEERS_ENV / ".requirements"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"making {PEERS_ENV} (a few minutes)", file=sys.stderr)
    pip = [str(PEERS_ENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(wanted)]
    for command in ([sys.executable, "-m", "venv", str(PEERS_ENV)], pip):
        if subprocess.run(command, check=False).returncode:
            raise ConfigError(f"the peers' environment cannot be made: {' '.join(command)} failed")
    stamp.write_text(digest)
