"""A whole Winnow server as a user starts it: the command line in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from configs.settings import ROOT

START_TIMEOUT_S = 240.0
_OURS = ("REDIS_URL", "DATABASE_URL", "WINNOW_", "GROQ_", "RAY_", "PROMETHEUS_")


class Server:
    """`winnow serve` on a free port, with a folder of its own.

    Args:
        home: data folder.
        changes: merged into the profile, deployment options by name under "deployments", settings under "args".
        environment: variables for this server.
        profile: name of a Serve config file in `configs`.
    """

    def __init__(
        self,
        home: Path,
        changes: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        profile: str = "serve.local.yaml",
    ) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._changes = changes or {}
        self._environment = environment or {}
        self._base = ROOT / "configs" / profile
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def key(self) -> str:
        return (self.home / "development.key").read_text().strip()

    @property
    def output(self) -> str:
        return (self.home / "output.log").read_text()

    @property
    def state(self) -> dict[str, Any]:
        """Addresses and folders, as the server wrote them down."""
        found: dict[str, Any] = json.loads((self.home / "server.json").read_text())
        return found

    @property
    def process_id(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> Self:
        """Start it and return when it is ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        config = self.home / "serve.yaml"
        config.write_bytes(msgspec.yaml.encode(self._profile()))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
        argv = [sys.executable, "-m", "deployments.cli", "serve", "--config", str(config)]
        with (self.home / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                [*argv, "--port", str(self.port), "--home", str(self.home)],
                cwd=ROOT,
                env={**inherited, **self._environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._await_ready()
        return self

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to the process group, as a terminal does, wait, and return the exit code."""
        assert self._process
        if self._process.poll() is None:
            os.killpg(self._process.pid, how)
        return self._process.wait(120)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, decoded body and headers of one request."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        if key != "":
            sent["Authorization"] = f"Bearer {key or self.key}"
        asked = urllib.request.Request(self.url + path, data, sent, method=method)
        opener = urllib.request.build_opener(_KeepErrors, urllib.request.ProxyHandler({}))
        with opener.open(asked, timeout=60) as answer:
            content = answer.read()
            is_json = content and "json" in answer.headers.get("Content-Type", "")
            decoded = json.loads(content) if is_json else content.decode()
            return answer.status, decoded, answer.headers

    def classify(self, text: str, **fields: Any) -> dict[str, Any]:
        """The verdict on one message."""
        status, body, _ = self.request("POST", "/v1/classify", {"text": text, **fields})
        assert status == 200, body
        return body

    def metric(self, sample: str) -> float:
        """Value of one sample as /metrics writes it, 'winnow_stage_items_total{stage="lightgbm"}'; 0 when absent."""
        _, text, _ = self.request("GET", "/metrics")
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(sample))

    def _profile(self) -> dict[str, Any]:
        profile = msgspec.yaml.decode(self._base.read_bytes())
        application = profile["applications"][0]
        application["args"] = {**application["args"], **self._changes.get("args", {})}
        for deployment in application["deployments"]:
            deployment.update(self._changes.get("deployments", {}).get(deployment["name"], {}))
        return profile

    def _await_ready(self) -> None:
        assert self._process
        give_up = time.monotonic() + START_TIMEOUT_S
        while "ready" not in self.output or "curl" not in self.output:
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended with {self._process.returncode}:\n{self.output}")
            if time.monotonic() > give_up:
                self.stop()
                raise AssertionError(f"the server was not ready in time:\n{self.output}")
            time.sleep(0.1)


class _KeepErrors(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: Any, response: Any) -> Any:
        return response


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
