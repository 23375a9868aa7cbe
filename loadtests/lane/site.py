"""The server that is asked: `winnow serve` as a process, whose language model is the stand-in."""

import asyncio
import http.client
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from configs.settings import ROOT
from deployments.environment import free_ports
from loadtests.bench.processes import Process, started
from loadtests.lane.stand_in import Remote, standing_in
from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from pipeline.errors import Unavailable

SHIPPED = ROOT / "configs" / "serve.local.yaml"
#: An audit answers by another model than the gate alone, so that a message asked twice may get two scores.
WITHOUT_AUDITS = {"cascade": {"audit_rate": 0.0}}
_READY_S = 240.0
_KNOWN_S = 2.5  #: until every replica knows a new key


class Site(msgspec.Struct, frozen=True):
    """A running server, and who plays its language model."""

    port: int
    key: str
    database_url: str
    stand_in: Remote

    def get(self, path: str) -> str:
        return self._ask("GET", path, self.key).decode()

    def classify(self, body: Mapping[str, str], key: str) -> dict[str, Any]:
        """The verdict on one message."""
        verdict: dict[str, Any] = json.loads(self._ask("POST", "/v1/classify", key, json.dumps(body)))
        return verdict

    def keys(self, tenants: Sequence[str]) -> list[str]:
        """A key for each of these new tenants, known to every replica."""
        keys = asyncio.run(_make_keys(self.database_url, tenants))
        time.sleep(_KNOWN_S)
        return keys

    def _ask(self, method: str, path: str, key: str, body: str | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{method} {path}: {type(error).__name__}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise Unavailable(f"{method} {path}: status {response.status}")
        return content


@contextmanager
def opened(intent: Mapping[str, Any]) -> Iterator[Site]:
    """Start it in folders of its own; end it all after the block.

    Args:
        intent: settings of that name, on top of the shipped ones.

    Raises:
        Unavailable: it does not come up.
    """
    key = secrets.token_hex(16)
    with (
        tempfile.TemporaryDirectory(prefix="lane-", ignore_cleanup_errors=True) as name,
        standing_in(key) as stand_in,
    ):
        folder, (port,) = Path(name), free_ports(1)
        home, config = folder / "home", folder / "serve.yaml"
        config.write_bytes(msgspec.yaml.encode(_config({**WITHOUT_AUDITS, "intent": dict(intent)})))
        command = [sys.executable, "-m", "deployments.cli", "serve", "--config", str(config)]
        groq = {"GROQ_BASE_URL": stand_in.url, "GROQ_API_KEY": key}
        with started([*command, "--home", str(home), "--port", str(port)], groq, folder) as process:
            state = _ready(process, home / "server.json")
            winnow_key = (home / "development.key").read_text().strip()
            yield Site(port, winnow_key, state["database_url"], stand_in)


def _config(settings: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = msgspec.yaml.decode(SHIPPED.read_bytes())
    (application,) = config["applications"]
    application["args"] = {**application["args"], **settings}
    return config


def _ready(process: Process, state: Path) -> dict[str, Any]:
    """What the server wrote down of itself, which it does once it is ready."""
    give_up = time.monotonic() + _READY_S
    while time.monotonic() < give_up:
        process.check()
        try:
            found: dict[str, Any] = json.loads(state.read_text())
            return found
        except (FileNotFoundError, json.JSONDecodeError):  # there is none yet, or half of one
            time.sleep(0.2)
    raise Unavailable(f"not ready after {_READY_S:.0f} s; the server's log ends with:\n{process.tail()}")


async def _make_keys(database_url: str, tenants: Sequence[str]) -> list[str]:
    database = await Database.open(database_url)
    try:
        return [(await Accounts(database).create_key(tenant, "lane")).secret for tenant in tenants]
    finally:
        await database.close()
