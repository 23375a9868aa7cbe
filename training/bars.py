"""Progress of the long steps of a command, on stderr."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.neardup import T, Watch, unwatched


class Bars(Protocol):
    """Gives each step of a command a bar of its own."""

    def __call__(self, step: str, /) -> Watch: ...


def no_bars(step: str) -> Watch:
    return unwatched


@contextmanager
def bars() -> Iterator[Bars]:
    """Bars that leave no trace, and are not there at all where stderr is no terminal."""
    console = Console(stderr=True, highlight=False, markup=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        yield lambda step: partial(_watched, shown, step)


def _watched(shown: Progress, step: str, items: Sequence[T]) -> Iterator[T]:
    yield from shown.track(items, description=step)
