"""`python -m loadtests.rollout`: the whole show; `shadow`: what a shadow costs."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from configs.settings import ROOT
from deployments.server import stop_on_signals
from loadtests.rollout import report, shadow, story, versions
from loadtests.rollout.site import opened
from pipeline.errors import WinnowError

RESULTS = ROOT / "loadtests" / "results"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Out = Annotated[Path, typer.Option(help="Folder of the report.")]


@app.callback(invoke_without_command=True)
def rollout(
    context: typer.Context,
    seconds_per_step: Annotated[float, typer.Option(min=1)] = 10,
    callers: Annotated[int, typer.Option(min=1)] = 8,
    rate: Annotated[float, typer.Option(min=1, help="Messages a second, of all callers.")] = 100,
    out: Out = RESULTS,
) -> None:
    """Push, 10 %, 50 %, deaths, an outage, rollback, promote; writes rollout.md and rollout.json, exit 1 on a fault."""
    if context.invoked_subcommand:
        return
    plan = story.Plan(seconds=seconds_per_step, callers=callers, rate=rate)
    with opened() as site:
        outcome = asyncio.run(story.tell(site, plan, _tell))
    _write(out, "rollout", report.render(outcome, _now(), _command()), outcome)
    raise typer.Exit(bool(outcome.broken()))


@app.command("shadow")
def shadow_(
    rounds: Annotated[int, typer.Option(min=1)] = 7,
    seconds: Annotated[float, typer.Option(min=1, help="Of each setting in each round.")] = 10,
    out: Out = RESULTS,
) -> None:
    """No experiment, an experiment, and a shadow beside it, in turns; writes shadow.md and shadow.json."""
    with opened(deployments={}, settings={}, also=(versions.SOURCE,)) as site:
        cost = shadow.measure(site, rounds, seconds, _tell)
    _write(out, "shadow", shadow.render(cost, _now(), _command()), cost)


def _write(out: Path, name: str, text: str, found: object) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.md").write_text(text)
    (out / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    print(text)


def _tell(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _command() -> str:
    return " ".join(["python -m loadtests.rollout", *sys.argv[1:]])


def main() -> None:
    stop_on_signals()  # what was started must be ended
    try:
        app()
    except WinnowError as error:
        sys.exit(f"{error.title}: {error.detail}")


if __name__ == "__main__":
    main()
