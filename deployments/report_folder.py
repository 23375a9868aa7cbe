"""The folder of an evaluation: `report.md` with its plots, `figures.json`, and `verdicts.jsonl` without texts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from pipeline.errors import ConfigError
from training.evaluation import judged as lines
from training.evaluation import plots
from training.evaluation.judged import Judged
from training.evaluation.report import render
from training.evaluation.results import Results

REPORT, FIGURES, VERDICTS = "report.md", "figures.json", "verdicts.jsonl"


class Saved(msgspec.Struct, frozen=True):
    """What a folder holds."""

    results: Results
    judged: dict[str, list[Judged]]  #: set to its messages, in order


def prepare(folder: Path) -> None:
    """Make the folder, before an hour is spent on figures that nothing could be done with.

    Raises:
        ConfigError: it cannot be made, or nothing is there to draw plots with.
    """
    plots.require()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made a folder: {error.strerror}") from None


def write(folder: Path, results: Results, judged: Mapping[str, Sequence[Judged]]) -> None:
    """Write all files; those of an earlier report are replaced."""
    drawn = {each.name: plots.draw(each, judged[each.name], folder) for each in results.sets}
    (folder / REPORT).write_text(render(results, drawn), encoding="utf-8")
    (folder / FIGURES).write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    (folder / VERDICTS).write_bytes(lines.encode(row for rows in judged.values() for row in rows))


def read(folder: Path) -> Saved:
    """What `write` left there.

    Raises:
        ConfigError: it holds no report, or one of another version of Winnow.
    """
    try:
        results = msgspec.json.decode((folder / FIGURES).read_bytes(), type=Results)
        rows = lines.decode((folder / VERDICTS).read_bytes())
    except OSError as error:
        raise ConfigError(f"{folder} holds no report of `winnow evaluate --report`: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"the report in {folder} cannot be read: {error}") from None
    judged: dict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        judged[row.set].append(row)
    return Saved(results, dict(judged))
