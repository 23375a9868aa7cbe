"""One machine with everything on it: Postgres, Redis, a model store, and `winnow serve` as a process."""

import asyncio
import http.client
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil  # type: ignore[import-untyped]

from configs.settings import ROOT
from deployments import environment
from deployments.development import ensure_key
from deployments.embedded import EmbeddedPostgres, EmbeddedRedis
from deployments.environment import free_ports
from loadtests.bench.processes import Process, owned, started
from loadtests.rollout import versions
from pipeline.errors import Unavailable

READY_S = 240.0
SHIPPED = ROOT / "configs" / "serve.local.yaml"
#: Two replicas of what is killed; shares of a core only place replicas, so that these fit two cores.
PAIRS = {name: {"num_replicas": 2, "ray_actor_options": {"num_cpus": 0.25}} for name in ("Ingress", "DistilBert")}
#: Every message passes its arm's transformer, so that every verdict can be held against the arm.
ALL_MODELS = {"cascade": {"enabled": False}}


class Site(msgspec.Struct, frozen=True):
    """A running server and what belongs to it. Postgres is stopped and started by one thread that outlives it."""

    url: str
    key: str
    store: Path
    workshop: Path  #: folder where candidates are made
    database_url: str
    process: Process
    run_folder: Path
    postgres: EmbeddedPostgres
    hands: Executor

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    async def stop_postgres(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self.hands, self.postgres.stop)

    async def start_postgres(self) -> None:
        """Its process dies with the thread that starts it: that must be the executor's, not one of a moment."""
        await asyncio.get_running_loop().run_in_executor(self.hands, self.postgres.start)

    async def replicas(self, deployment: str) -> list[int]:
        """Process ids of a deployment's replicas."""
        return await asyncio.to_thread(self._replicas, deployment)

    async def kill(self, deployment: str) -> int:
        """SIGKILL for one replica; says which."""
        pid = min(await self.replicas(deployment))
        os.kill(pid, signal.SIGKILL)
        return pid

    def _replicas(self, deployment: str) -> list[int]:
        found = []
        for each in owned(environment.OWNER, str(self.run_folder)):
            with suppress(psutil.Error):
                if f"ServeReplica:winnow:{deployment}" in " ".join(each.cmdline()):
                    found.append(each.pid)
        return found


@contextmanager
def opened(
    deployments: Mapping[str, Mapping[str, Any]] = PAIRS,
    settings: Mapping[str, Any] = ALL_MODELS,
    also: Sequence[str] = (),
) -> Iterator[Site]:
    """Start it all in folders of its own; end it all after the block.

    Args:
        deployments: options by name, on top of the shipped config's.
        settings: of the application, on top of a model store and a spool of its own.
        also: shipped versions that the store holds beside those of the settings.

    Raises:
        Unavailable: something does not come up.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollout-", ignore_cleanup_errors=True)))
        hands = stack.enter_context(ThreadPoolExecutor(1))
        store, home = folder / "store", folder / "home"
        versions.stock(store, also)
        redis, postgres = EmbeddedRedis(folder / "redis"), EmbeddedPostgres(folder / "postgres")
        for backend in (redis, postgres):
            backend.start()
            stack.callback(backend.stop)
        key = ensure_key(postgres.url, folder / "key")
        own = {"models": {"root": str(store)}, "feedback": {"spool": str(folder / "spool")}}
        config = folder / "serve.yaml"
        config.write_bytes(msgspec.yaml.encode(_config(deployments, {**own, **settings})))
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "deployments.cli", "serve", "--config", str(config)]
        backends = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        command += ["--home", str(home), "--port", str(port)]
        process = stack.enter_context(started(command, backends, folder))
        state = _ready(process, home / "server.json", lambda: _answers(port, key))
        yield Site(
            url=f"http://127.0.0.1:{port}",
            key=key,
            store=store,
            workshop=folder / "workshop",
            database_url=postgres.url,
            process=process,
            run_folder=Path(state["logs"]).parents[2],
            postgres=postgres,
            hands=hands,
        )


def _config(deployments: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = msgspec.yaml.decode(SHIPPED.read_bytes())
    (application,) = config["applications"]
    application["args"] = {**application["args"], **settings}
    for each in application["deployments"]:
        each.update(deployments.get(each["name"], {}))
    return config


def _ready(process: Process, state: Path, answers: Callable[[], bool]) -> dict[str, Any]:
    """What the server wrote down of itself, once it answers."""
    give_up = time.monotonic() + READY_S
    while time.monotonic() < give_up:
        process.check()
        if state.exists() and answers():
            found: dict[str, Any] = json.loads(state.read_text())
            return found
        time.sleep(0.2)
    raise Unavailable(f"no answer after {READY_S:.0f} s; the server's log ends with:\n{process.tail()}")


def _answers(port: int, key: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/v1/experiments", headers={"Authorization": f"Bearer {key}"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
