"""Tables and numbers in Markdown."""

from collections.abc import Iterable, Sequence

from training.intervals import Figure

NONE = "–"  #: what is not defined


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is aligned left, the others right."""
    lines = [_row(columns), "|---|" + "---:|" * (len(columns) - 1)]
    return "\n".join([*lines, *map(_row, rows)])


def figure(found: Figure, scale: float = 100, digits: int = 2) -> str:
    """ "98.35 [97.38, 98.97]": the value, as percent unless `scale` says otherwise, and its interval."""
    if found.value is None or found.interval is None:
        return NONE
    low, high = (scale * end for end in found.interval)
    return f"{scale * found.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def number(value: float | None, scale: float = 1, digits: int = 3) -> str:
    return NONE if value is None else f"{scale * value:.{digits}f}"


def percent(part: int, whole: int) -> str:
    """Share of two counts, as percent."""
    return f"{100 * part / whole:.1f}" if whole else NONE


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
