"""`winnow bench`: the latency of single inferences, one after another."""

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, BinaryIO

import msgspec
import typer

from deployments.cli.connection import HOME, HomeOption, KeyOption, UrlOption, connect
from deployments.cli.labelled import from_corpus
from deployments.cli.messages import Line, format_of, read
from deployments.cli.output import err, out, progress, show
from deployments.client import Client
from deployments.evaluation import Pass, one_by_one
from deployments.fresh import distinct, fresh
from deployments.latency import Latency, latency
from deployments.offline import Offline, settings_for
from pipeline.errors import ConfigError, InvalidField, WinnowError
from training.examples import Example

INFERENCES = 1_000
WARM_UP = 50  #: messages before the clock starts: connection, keys and models are in place then


def bench(
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Inferences to measure.")] = INFERENCES,
    corpus: Annotated[
        str | None, typer.Option(help="Messages of a corpus, as in evaluate; else new ones from the generator.")
    ] = None,
    file: Annotated[
        typer.FileBinaryRead | None,
        typer.Option("--file", "-f", help="Messages of a file: one a line, .csv or .jsonl with a text column."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no server: the same flow in this process.")] = False,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Measure 1000 inferences, one by one on one connection, and report p50/p95/p99 latency.

    No text is sent twice, and a few other messages go ahead. A message without a complete verdict is a failure: then
    the exit code is 1.
    """
    if corpus and file:
        raise typer.BadParameter("give a --corpus or a --file")
    messages = _messages(count, corpus, file)
    client = Offline(settings_for(None, None, None)) if offline else connect(url, key, home, connections=1)
    found = latency(asyncio.run(_send(client, messages)))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _show(found)
    _remark(found, count)
    raise typer.Exit(bool(found.failed))


async def _send(client: Client | Offline, messages: Sequence[Example]) -> Pass:
    async with client:
        await _warm(client)
        with progress() as bar:
            task = bar.add_task("inferences", total=len(messages))
            return await one_by_one(client, messages, 1, lambda n: bar.advance(task, n))


async def _warm(client: Client | Offline) -> None:
    """Raises the error of the first message, when none is answered at all."""
    outcomes = (await one_by_one(client, fresh(WARM_UP), 1, lambda _: None)).outcomes
    if isinstance(outcomes[0], WinnowError) and all(isinstance(each, WinnowError) for each in outcomes):
        raise outcomes[0]


def _messages(count: int, corpus: str | None, file: BinaryIO | None) -> list[Example]:
    """At most `count` messages, no text twice.

    Raises:
        ConfigError: there are none.
        InvalidField: a line of the file holds no message; names the line.
    """
    if not corpus and not file:
        return fresh(count)
    source = map(_example, read(file, format_of(file.name), {})) if file else iter(from_corpus(corpus or ""))
    found = list(islice(distinct(source), count))
    if not found:
        raise ConfigError(f"{file.name if file else corpus}: there are no messages to send")
    return found


def _example(line: Line) -> Example:
    if line.request is None or not isinstance(line.request.text, str):  # JSON may hold anything
        why = line.error.detail if line.error else "the text is not a string"
        raise InvalidField(f"line {line.number}: {why}", field="text")
    return Example(text=line.request.text, sender=line.request.sender, source="file")


def _show(found: Latency) -> None:
    out.print(f"{found.inferences} inferences, one by one\n")
    columns = ("min ms", "mean ms", "p50 ms", "p95 ms", "p99 ms", "max ms", "messages/s")
    times = (found.min_ms, found.mean_ms, found.p50_ms, found.p95_ms, found.p99_ms, found.max_ms)
    show(columns, [(*(f"{each:.1f}" for each in times), f"{found.messages_per_s:.0f}")], numbers=columns)


def _remark(found: Latency, count: int) -> None:
    """What a reader of the figures must know."""
    if found.inferences < count:
        err.print(f"there are no more than {found.inferences} different messages")
    if found.cached:
        err.print(f"{found.cached} answers came from a cache; their speed is not that of the models")
    if found.failed:
        reasons = ", ".join(f"{why} {number}" for why, number in found.failed.items())
        err.print(f"inferences without a complete verdict: {reasons}")
