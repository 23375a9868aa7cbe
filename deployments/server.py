"""One whole server on this machine: backends, Ray Serve behind HAProxy, and an orderly end.

Ray Serve reads its environment when it is imported, so `ray` is imported here only once that is set.
"""

import json
import logging
import os
import secrets
import shutil
import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]

from configs import resources
from configs.profile import Profile
from deployments import environment
from deployments.development import ensure_key, migrate
from deployments.embedded import EmbeddedBackends, lock_folder
from pipeline.errors import ConfigError, Unavailable

_READY_TIMEOUT_S = 180.0
_LEFTOVERS_TIMEOUT_S = 10.0
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RAY_MEMORY = 100 * 2**20  # of the object store: batches travel over gRPC and do not use it


class Running(msgspec.Struct, frozen=True):
    """A server that is ready."""

    url: str
    key: str | None  #: a development key with all scopes, where the database is embedded
    dead_backends: Callable[[], list[str]]  #: names of those embedded ones that ended by themselves


@contextmanager
def running(profile: Profile, home: Path, port: int) -> Iterator[Running]:
    """Start a server, wait until it is ready, and stop all of it at the end.

    Args:
        profile: from `configs.profile.load`.
        home: folder for data, secrets and logs.
        port: of HTTP.

    Raises:
        ConfigError: rules or policies are wrong, or the port or the folder is in use.
        ModelError: a model is missing or damaged.
        Unavailable: a part did not come up; the detail says which.
    """
    stack = ExitStack()
    try:
        yield _start(stack, profile, home, port)
    finally:
        _ignore_signals()
        stack.close()


def _start(stack: ExitStack, profile: Profile, home: Path, port: int) -> Running:
    resources.check(profile.settings)
    home.mkdir(parents=True, exist_ok=True)
    stack.enter_context(lock_folder(home))
    run = _fresh_run_folder(home)
    if not environment.is_free(port):
        raise ConfigError(f"port {port} is in use; choose another one with --port")
    _set_secret(home)
    is_embedded = not os.environ.get("DATABASE_URL")
    dead_backends = _start_backends(stack, home)
    key = _prepare_database(home, is_embedded)
    os.environ.update(environment.tuned(run, os.cpu_count() or 1))
    _start_serve(stack, profile, port, run)
    stop_on_signals()  # Ray has put its own handlers in place
    url = f"http://127.0.0.1:{port}"
    _await_ready(url)
    _write_state(stack, home / "server.json", url, run)
    return Running(url, key, dead_backends)


def _fresh_run_folder(home: Path) -> Path:
    """A short path for sockets, the same one for the same home, empty, and closed to other users of the machine.

    HAProxy's admin socket in it is open to whoever can reach it.
    """
    digest = blake2b(str(home.resolve()).encode(), digest_size=6).hexdigest()
    run = Path(tempfile.gettempdir()) / f"winnow-{digest}"
    _stop_leftovers(run)
    shutil.rmtree(run, ignore_errors=True)
    try:
        run.mkdir(mode=0o700)
    except FileExistsError:
        raise ConfigError(f"{run} is in the way and cannot be removed") from None
    (run / "metrics").mkdir()
    return run


def _stop_leftovers(run: Path) -> None:
    """End what a killed server left behind: its HAProxy would keep the port and answer 500, and its Ray would
    start HAProxy again. The folder's lock is ours, so nobody alive owns them.
    """
    give_up = time.monotonic() + _LEFTOVERS_TIMEOUT_S
    while (leftovers := [p for p in psutil.process_iter() if _belongs_to(p, run)]) and time.monotonic() < give_up:
        for process in leftovers:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(leftovers, timeout=1)


def _belongs_to(process: psutil.Process, run: Path) -> bool:
    with suppress(psutil.Error):
        return bool(process.environ().get(environment.OWNER) == str(run)) and process.pid != os.getpid()
    return False


def _set_secret(home: Path) -> None:
    """WINNOW_SECRET of the environment, else one of this folder's own."""
    if os.environ.get("WINNOW_SECRET"):
        return
    path = home / "secret"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    os.environ["WINNOW_SECRET"] = path.read_text()


def _start_backends(stack: ExitStack, home: Path) -> Callable[[], list[str]]:
    """Redis and Postgres of our own unless the environment names both; returns who of them is dead."""
    if os.environ.get("REDIS_URL") and os.environ.get("DATABASE_URL"):
        return list
    backends = stack.enter_context(EmbeddedBackends(home / "backends"))
    os.environ.setdefault("REDIS_URL", backends.redis_url)
    os.environ.setdefault("DATABASE_URL", backends.database_url)
    return lambda: backends.dead


def _prepare_database(home: Path, is_embedded: bool) -> str | None:
    """Schema up to date, and a development key where the database is our own."""
    if is_embedded:
        return ensure_key(os.environ["DATABASE_URL"], home / "development.key")
    migrate(os.environ["DATABASE_URL"])
    return None


def _start_serve(stack: ExitStack, profile: Profile, port: int, run: Path) -> None:
    import ray
    from ray import serve

    from deployments.app import compose

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    application = profile.application
    ray.init(
        "local",
        namespace="serve",
        include_dashboard=False,
        log_to_driver=False,
        logging_level="WARNING",
        object_store_memory=_RAY_MEMORY,
        _temp_dir=str(run / "ray"),
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}},
    )
    stack.callback(_stop_serve)
    serve.start(
        proxy_location=profile.proxy_location, http_options={**msgspec.to_builtins(profile.http_options), "port": port}
    )
    options = {deployment.name: deployment.options() for deployment in application.deployments}
    app = compose(profile.settings, options)
    serve.run(app, name=application.name, route_prefix=application.route_prefix)


def _stop_serve() -> None:
    """Stop Serve, then Ray, even when Serve does not stop in order."""
    import ray
    from ray import serve

    try:
        serve.shutdown()
    finally:
        ray.shutdown()


def _write_state(stack: ExitStack, path: Path, url: str, run: Path) -> None:
    """Where other commands find this server."""
    state = {
        "url": url,
        "database_url": os.environ["DATABASE_URL"],
        "redis_url": os.environ["REDIS_URL"],
        "logs": str(run / "ray" / "session_latest" / "logs"),
        "pid": os.getpid(),
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(state))
    stack.callback(path.unlink, missing_ok=True)


def _await_ready(url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy knows our address
    give_up = time.monotonic() + _READY_TIMEOUT_S
    reason = "no answer"
    while time.monotonic() < give_up:
        try:
            with opener.open(f"{url}/readyz", timeout=5):
                return
        except urllib.error.HTTPError as error:
            with suppress(ValueError):
                reason = json.loads(error.read()).get("detail", reason)
        except OSError:
            pass
        time.sleep(0.1)
    raise Unavailable(f"not ready after {_READY_TIMEOUT_S:.0f} s: {reason}")


def stop_on_signals() -> None:
    """Let SIGTERM and a closed terminal end the process as Ctrl-C does: by KeyboardInterrupt."""
    for each in _STOPS:
        signal.signal(each, signal.default_int_handler)


def _ignore_signals() -> None:
    """An impatient second Ctrl-C must not leave half a server behind."""
    for each in _STOPS:
        signal.signal(each, signal.SIG_IGN)
