"""`python -m loadtests.lane`: what a language model that hangs, fails or refuses costs everybody else."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from configs.settings import ROOT
from deployments.server import stop_on_signals
from loadtests.lane.outcome import record
from loadtests.lane.report import render
from loadtests.lane.show import Setting, perform
from pipeline.errors import WinnowError

RESULTS = ROOT / "loadtests" / "results"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def lane(
    rounds: Annotated[int, typer.Option(min=1, help="Of the four moods, with the settings as shipped.")] = 3,
    seconds: Annotated[float, typer.Option(min=3, help="Of each mood in each round.")] = 10,
    rate: Annotated[float, typer.Option(min=10, help="Messages a second.")] = 150,
    retry_after: Annotated[float, typer.Option(min=1, help="Seconds that a 429 asks for.")] = 30,
    sample_off: Annotated[bool, typer.Option(help="Then one short round without the gate's sample.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = RESULTS,
) -> None:
    """Healthy, hanging, failing, rate-limiting, in turns; writes lane.md and lane.json, exit 1 on a fault."""
    if retry_after <= seconds + 3:
        raise typer.BadParameter("must be longer than a segment and what it takes to end", param_hint="--retry-after")
    setting = Setting(rounds=rounds, seconds=seconds, rate=rate, retry_after_s=retry_after)
    short = msgspec.structs.replace(setting, rounds=1, seconds=max(3.0, seconds / 2))
    variants = {"without the gate's sample": ({"sample_rate": 0.0}, short)} if sample_off else {}
    outcome = perform(setting, variants, _tell)
    text = render(outcome, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", _command())
    found = record(outcome)
    out.mkdir(parents=True, exist_ok=True)
    (out / "lane.md").write_text(text)
    (out / "lane.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    print(text)
    raise typer.Exit(bool(found.broken))


def _tell(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def _command() -> str:
    return " ".join(["python -m loadtests.lane", *sys.argv[1:]])


def main() -> None:
    stop_on_signals()  # what was started must be ended
    try:
        app()
    except WinnowError as error:
        sys.exit(f"{error.title}: {error.detail}")


if __name__ == "__main__":
    main()
