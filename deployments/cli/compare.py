"""`winnow compare`: what got better and what got worse between two reports of `winnow evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from deployments import report_folder
from deployments.cli.labelled import SYNTHETIC, from_corpus, from_file
from deployments.cli.output import printable
from deployments.figures import digest
from deployments.report_folder import Saved
from pipeline.errors import ConfigError
from training.corpora import CORPORA
from training.evaluation.comparison import Comparison, compare, render
from training.evaluation.results import SetResult
from training.examples import Example

Texts = dict[tuple[str, int], str]


def compare_reports(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Folder of a report.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Folder of a report on the same messages.")],
    most: Annotated[int, typer.Option("--most", min=0, help="Messages to list of either kind.")] = 50,
    show_texts: Annotated[
        bool, typer.Option("--show-texts", help="Show their texts, read again from the corpora or files.")
    ] = False,
) -> None:
    """Say what NEW does better and worse than OLD, and on which messages, as Markdown.

    Messages are named by their set and their place in it, from 0; reports hold no texts.
    """
    before, after = report_folder.read(old), report_folder.read(new)
    found = _compare(before, after)
    texts = _texts(after, found) if show_texts else None
    print(render(found, texts, most), end="")


def _compare(before: Saved, after: Saved) -> Comparison:
    """Sets that bear the same name and other texts are left out."""
    digests = {each.name: each.digest for each in before.results.sets}
    same = [each.name for each in after.results.sets if digests.get(each.name) == each.digest]
    return compare(before.judged, {name: after.judged[name] for name in same if name in after.judged})


def _texts(saved: Saved, found: Comparison) -> Texts:
    """Texts of the messages that flipped."""
    sets = {each.name: each for each in saved.results.sets}
    needed = {flip.set for flip in found.flips}
    read = {name: _read(sets[name]) for name in needed}
    return {(flip.set, flip.index): printable(read[flip.set][flip.index]) for flip in found.flips}


def _read(result: SetResult) -> list[str]:
    """The texts of a set, as they were when the report was written.

    Raises:
        ConfigError: they are gone, or no longer the same.
    """
    texts = [example.text for example in _examples(result.name, result.rows)][: result.rows]
    if digest(texts) != result.digest:
        raise ConfigError(f"the texts of {result.name} are no longer those that the reports are about")
    return texts


def _examples(name: str, rows: int) -> list[Example]:
    if name == SYNTHETIC or name in CORPORA:
        return from_corpus(name, rows)
    try:
        with Path(name).open("rb") as file:
            return from_file(file)
    except OSError as error:
        raise ConfigError(f"{name} cannot be read again: {error.strerror}") from None
