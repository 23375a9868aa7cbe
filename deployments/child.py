"""A child process that dies with its parent, and leftovers of an earlier parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from pipeline.errors import Unavailable

_PR_SET_PDEATHSIG = 1
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0


class Child:
    """One program, run in the foreground of its own session so that Ctrl-C reaches only its parent.

    On Linux it gets `stop_signal` when the thread that started it ends, even by SIGKILL of its process: start it
    from a thread that lives as long as it shall.
    """

    def __init__(self, argv: Sequence[str], *, log: Path, stop_signal: signal.Signals, user: str | None = None) -> None:
        self._name = Path(argv[0]).name
        self._log = log
        self._stop_signal = stop_signal
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                preexec_fn=_die_with_parent(stop_signal),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return when `ready()` holds.

        Raises:
            Unavailable: the program ended first, or took too long; the detail names its log.
        """
        give_up = time.monotonic() + _START_TIMEOUT_S
        while not ready():
            if not self.alive or time.monotonic() > give_up:
                self.stop()
                raise Unavailable(f"{self._name} did not start, see {self._log}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Ask it to stop and wait, kill it when it takes too long; does nothing when it is gone already."""
        if not self.alive:
            return
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def stop_leftover(pid_file: Path, folder: Path, stop_signal: signal.Signals) -> None:
    """Stop the process named by `pid_file` if it works in `folder`; any other one has merely inherited the number."""
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if Path(process.cwd()) != folder:
            return
        process.send_signal(stop_signal)
        if not _gone(process):
            process.kill()
            _gone(process)


def _gone(process: psutil.Process) -> bool:
    """Wait for its end. A zombie counts: where nobody reaps orphans, as in many containers, it never goes away."""
    give_up = time.monotonic() + _STOP_TIMEOUT_S
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # it died before the request stood
            os._exit(1)

    return ask_the_kernel
