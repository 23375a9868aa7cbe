"""How far a long step has come: a bar on a terminal, now and then a line where there is none."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

_EVERY_S = 30.0


class Progress:
    """Of one step with a known number of parts."""

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        self._what, self._total = what, total
        self._began = self._told = time.monotonic()
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task(what, total=total, completed=done)
        self._bar.start()

    def advance(self, done: int, **facts: float) -> None:
        """`done` parts are done; facts ("loss") are shown beside."""
        shown = " ".join(f"{name} {value:.4f}" for name, value in facts.items())
        self._bar.update(self._task, completed=done, description=f"{self._what} {shown}")
        now = time.monotonic()
        if self._bar.disable and (now - self._told >= _EVERY_S or done == self._total):
            self._told = now
            print(f"{self._what} {done}/{self._total} {shown} {now - self._began:.0f}s", file=sys.stderr, flush=True)

    def close(self) -> None:
        self._bar.stop()
