"""`winnow evaluate`: how right and how fast the running server is."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
import typer

from deployments.cli.connection import HOME, HomeOption, KeyOption, UrlOption, connect
from deployments.cli.labelled import from_corpus, from_csv
from deployments.cli.output import err, out, progress, show
from deployments.client import Client
from deployments.evaluation import Labelled, Pass, in_bulk, one_by_one
from deployments.figures import Figure, Quality, Report, Traffic, report
from pipeline.errors import ConfigError

Way = Literal["both", "single", "bulk"]


def evaluate(
    corpus: Annotated[str, typer.Option(help="uci, or an evaluation-only corpus; read from WINNOW_DATA.")] = "uci",
    file: Annotated[
        typer.FileBinaryRead | None, typer.Option("--file", "-f", help="In place of it: CSV with text, label, sender.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first messages alone.")] = None,
    way: Annotated[Way, typer.Option("--send", help="Messages one by one, in bulk, or first so and then so.")] = "both",
    concurrency: Annotated[int, typer.Option(min=1, max=4096, help="Requests at once, of one message each.")] = 64,
    bulk: Annotated[int, typer.Option(min=1, max=1000, help="Messages in one bulk request.")] = 500,
    as_json: Annotated[bool, typer.Option("--json", help="All figures as JSON.")] = False,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Post labelled messages to the server and print accuracy, false alarms, speed.

    UCI is judged on the test part of its one split, grouped by near-duplicates, which no shipped model was trained on.
    The server's caches stay on: the output says how many answers came from them.
    """
    client = connect(url, key, home, connections=concurrency)
    messages = (from_csv(file) if file else from_corpus(corpus))[:limit]
    if not messages:
        raise ConfigError("there are no labelled messages to send")
    passes = asyncio.run(_send(client, messages, way, concurrency, bulk))
    found = report(messages, passes)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _print(file.name if file else corpus, found)
    raise typer.Exit(found.failed > 0)


async def _send(client: Client, messages: Sequence[Labelled], way: Way, concurrency: int, bulk: int) -> list[Pass]:
    passes = []
    with progress() as bar:
        async with client:
            if way != "bulk":
                task = bar.add_task("one by one", total=len(messages))
                passes.append(await one_by_one(client, messages, concurrency, lambda n: bar.advance(task, n)))
            if way != "single":
                other = bar.add_task("in bulk", total=len(messages))
                passes.append(await in_bulk(client, messages, bulk, lambda n: bar.advance(other, n)))
    return passes


def _print(source: str, found: Report) -> None:
    out.print(f"{source}: {found.rows} messages, {found.positives} of them spam. 95 % intervals in brackets.\n")
    columns = ("called spam", "accuracy %", "FPR %", "recall %", "MCC", "TP", "FP", "FN", "TN")
    show(columns, map(_quality, found.quality), numbers=columns[1:])
    out.print()
    columns = ("sent", "messages", "failed", "messages/s", "p50 ms", "p95 ms", "p99 ms", "answered from", "decided by")
    show(columns, map(_traffic, found.traffic), numbers=columns[1:7])
    out.print()
    for note in _notes(found):
        err.print(note)


def _quality(each: Quality) -> tuple[str, ...]:
    shares = [_figure(figure, 100, 2) for figure in (each.accuracy, each.fpr, each.recall)]
    counts = each.confusion
    cells = (counts.true_positive, counts.false_positive, counts.false_negative, counts.true_negative)
    return each.decision, *shares, _figure(each.mcc, 1, 4), *map(str, cells)


def _figure(figure: Figure, scale: float, digits: int) -> str:
    if figure.value is None or figure.interval is None:
        return "-"
    low, high = (scale * end for end in figure.interval)
    return f"{scale * figure.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _traffic(each: Traffic) -> tuple[str, ...]:
    latencies = [f"{each.latency_ms[name]:.1f}" for name in ("p50", "p95", "p99")]
    numbers = (str(each.messages), str(sum(each.failed.values())), f"{each.messages_per_s:.0f}", *latencies)
    return each.name, *numbers, _counts(each.cache), _counts(each.decided_by)


def _notes(found: Report) -> list[str]:
    """What a reader of the figures must know."""
    notes = []
    for each in found.traffic:
        if each.from_cache:
            notes.append(
                f"{each.name}: {each.from_cache} answers came from a cache; its speed is not that of the models"
            )
        if each.failed:
            notes.append(f"{each.name}: failed messages count in no figure: {_counts(each.failed)}")
        if each.degraded:
            notes.append(f"{each.name}: answers that lack a stage: {_counts(each.degraded)}")
    if found.differing:
        notes.append(f"{found.differing} messages were decided differently when they were sent again")
    return notes


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
