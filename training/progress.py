"""How far a long step has come: a bar on a terminal, on stderr; where there is none, now and then a line."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from training.neardup import T, Watch, unwatched

_EVERY_S = 30.0


class Progress:
    """Of one step with a known number of parts; tells lines, too."""

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        self._what, self._total = what, total
        self._began = self._told = time.monotonic()
        self._bar = _bar()
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


class Bars(Protocol):
    """Gives each step of a command a bar of its own."""

    def __call__(self, step: str, /) -> Watch: ...


def no_bars(step: str) -> Watch:
    return unwatched


@contextmanager
def bars() -> Iterator[Bars]:
    """Bars that leave no trace, and are not there at all where stderr is no terminal."""
    with _bar() as shown:
        yield lambda step: partial(_watched, shown, step)


def _watched(shown: Bar, step: str, items: Sequence[T]) -> Iterator[T]:
    yield from shown.track(items, description=step)


def _bar() -> Bar:
    console = Console(stderr=True, highlight=False, markup=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
