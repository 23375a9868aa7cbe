"""`winnow classify`: one text, or a file of them."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO, TextIO

import msgspec
import typer

from deployments.cli import verdicts
from deployments.cli.connection import HOME, HomeOption, KeyOption, UrlOption, connect
from deployments.cli.messages import Format, Line, count_lines, format_of, read
from deployments.cli.output import complain, err, progress, show
from deployments.cli.sending import Answer, classify_lines
from deployments.client import Client
from pipeline.errors import WinnowError
from pipeline.types import IntentMode, PolicyName, Verdict
from pipeline.wire import ClassifyRequest

_PATIENCE_MS = 30_000  #: a file is not in a hurry: its batches may wait for one another


def classify(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="One message.")] = None,
    file: Annotated[
        typer.FileBinaryRead | None,
        typer.Option("--file", "-f", help="Many messages: one a line, .csv or .jsonl with a text column; - is stdin."),
    ] = None,
    form: Annotated[Format | None, typer.Option("--format", help="Of the file; else by its name.")] = None,
    sender: Annotated[str, typer.Option(help="Of messages that name none.")] = "",
    policy: Annotated[PolicyName | None, typer.Option(help="Else the tenant's.")] = None,
    intent: Annotated[IntentMode, typer.Option(help="What may name the intent of a one-time password.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="JSON, one line a message.")] = False,
    output: Annotated[
        typer.FileTextWrite | None, typer.Option("--output", "-o", encoding="utf-8", help="Write there, not to stdout.")
    ] = None,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Classify one message, or a file of them in batches.

    A line that cannot be classified is reported with its number and does not stop the rest; then the exit code is 1.
    """
    if (text is None) == (file is None):
        raise typer.BadParameter("give one TEXT, or a --file")
    options: dict[str, Any] = {"sender": sender, "policy": policy, "intent": intent}
    client = connect(url, key, home)
    if file is None:
        _one(client, ClassifyRequest(text=text or "", **options), as_json, output)
        return
    printer = _Printer(as_json, output)
    options["deadline_ms"] = _PATIENCE_MS
    asyncio.run(_many(client, file, read(file, form or format_of(file.name), options), printer))
    raise typer.Exit(printer.counts["failed"] > 0)


def _one(client: Client, request: ClassifyRequest, as_json: bool, output: TextIO | None) -> None:
    async def work() -> Verdict:
        async with client:
            return await client.classify(request)

    verdict = asyncio.run(work())
    if as_json:
        print(msgspec.json.encode(verdict).decode(), file=output)
    else:
        show(("", ""), verdicts.facts(verdict), file=output)


async def _many(client: Client, file: BinaryIO, lines: Iterator[Line], printer: "_Printer") -> None:
    started = time.monotonic()
    printer.heading()
    try:
        with progress() as bar:
            task = bar.add_task("classifying", total=None if bar.disable else count_lines(file))

            def deliver(answers: list[Answer]) -> None:
                printer.print(answers)
                bar.update(task, completed=answers[-1].line.number)

            async with client:
                await classify_lines(client, lines, deliver)
    finally:
        printer.summary(time.monotonic() - started)


class _Printer:
    """Writes answers to stdout or a file, failures and a summary to stderr."""

    def __init__(self, as_json: bool, output: TextIO | None) -> None:
        self._as_json = as_json
        self._output = output
        self.counts: Counter[str] = Counter()  #: of actions, of "failed" and of "degraded" messages

    def heading(self) -> None:
        if not self._as_json:
            typer.echo(verdicts.HEADINGS, self._output)

    def print(self, answers: list[Answer]) -> None:
        rows = [row for answer in answers if (row := self._row(answer))]
        if rows:
            typer.echo("\n".join(rows), self._output)

    def summary(self, seconds: float) -> None:
        total = sum(self.counts[kind] for kind in ("deliver", "flag", "block", "failed"))
        parts = ", ".join(f"{self.counts[kind]} {kind}" for kind in ("deliver", "flag", "block", "failed", "degraded"))
        err.print(f"{total} messages: {parts}; {seconds:.1f} s, {total / max(seconds, 1e-9):.0f} a second")

    def _row(self, answer: Answer) -> str | None:
        """What to write for one answer; a failure has no row in a table."""
        outcome = answer.outcome
        if isinstance(outcome, WinnowError):
            self.counts["failed"] += 1
            complain(outcome, f"line {answer.line.number}")
            return verdicts.as_json(answer) if self._as_json else None
        self.counts[outcome.action] += 1
        self.counts["degraded"] += outcome.status != "complete"
        return verdicts.as_json(answer) if self._as_json else verdicts.row(answer.line, outcome)
