"""Server processes of the bench: started in a session of their own, ended with all that they started."""

import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from configs.settings import ROOT
from pipeline.errors import Unavailable

#: Every process of a server carries the server's token in this variable.
OWNER = "WINNOW_BENCH_SERVER"
_STOP_S = 40.0
_KEY = re.compile(r"Bearer [^\s']+")
#: What would change what is measured, or send a local request through a proxy.
_UNSET = ("redis_url", "database_url", "winnow_secret", "groq_api_key", "winnow_home", "http_proxy", "https_proxy")


class Process:
    """One running server."""

    def __init__(self, popen: "subprocess.Popen[bytes]", token: str, log: Path) -> None:
        self._popen, self._token, self._log = popen, token, log

    @property
    def pid(self) -> int:
        return self._popen.pid

    def check(self) -> None:
        """
        Raises:
            Unavailable: the server has ended; the detail has the end of its log.
        """
        if self._popen.poll() is not None:
            raise Unavailable(f"the server ended with status {self._popen.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        """The end of its log, without keys."""
        return _KEY.sub("Bearer …", self._log.read_text(errors="replace"))[-3_000:]

    def stop(self) -> None:
        """Ask the leader to end in order, then end whatever carries its token and is still there."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_STOP_S)
        give_up = time.monotonic() + _STOP_S
        while (left := owned(OWNER, self._token)) and time.monotonic() < give_up:
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=1)
        self._popen.wait(_STOP_S)


@contextmanager
def started(command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Iterator[Process]:
    """Run a command from the project's root until the end of the block.

    Args:
        variables: of its environment, on top of ours.
        folder: for its log.
    """
    token = secrets.token_hex(8)
    inherited = {name: value for name, value in os.environ.items() if name.lower() not in _UNSET}
    env = {**inherited, "PYTHONPATH": str(ROOT), **variables, OWNER: token}
    log = folder / "server.log"
    with log.open("wb") as out:
        popen = subprocess.Popen(
            [*command], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    process = Process(popen, token, log)
    try:
        yield process
    finally:
        process.stop()


def owned(name: str, value: str) -> list[psutil.Process]:
    """Processes that carry a variable with that value."""

    def carries(process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return bool(process.environ().get(name) == value)
        return False

    return [process for process in psutil.process_iter() if process.pid != os.getpid() and carries(process)]
