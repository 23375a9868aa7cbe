"""What all commands print alike: answers to stdout, everything else to stderr."""

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from pipeline.errors import WinnowError

_PIPE = 10_000  #: columns where nobody reads along: room for every cell on one line
# No markup: names and texts come from outside.
out = Console(highlight=False, markup=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def complain(error: WinnowError, what: str = "error") -> None:
    """One red line: what is wrong, and where."""
    where = f" ({error.field})" if error.field else ""
    err.print(Text(printable(f"{what}: {error.detail}{where}"), style="red"))


def printable(text: str) -> str:
    """Text for one line of a terminal, which must not obey what a message says."""
    return "".join(char if char.isprintable() else " " for char in text)


def show(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[str] = (), file: TextIO | None = None
) -> None:
    """Print a table without lines, of which nothing is ever cut off.

    Args:
        columns: their headings; all empty: no heading.
        rows: one cell a column.
        numbers: headings of the columns to align on the right.
        file: else stdout.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=any(columns))
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(printable, row))
    is_terminal = out.is_terminal and file is None
    Console(file=file, highlight=False, markup=False, width=None if is_terminal else _PIPE).print(table)


def progress() -> Progress:
    """A bar on stderr that leaves no trace, and is not there at all where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        disable=not err.is_terminal,
    )
