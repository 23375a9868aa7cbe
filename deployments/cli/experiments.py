"""`winnow experiments`: which share of the traffic each model version answers, and what that has shown."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from deployments.cli.arrival import until_ready
from deployments.cli.connection import HOME, HomeOption, KeyOption, UrlOption, connect
from deployments.cli.experiment_tables import show_change, show_experiments, show_history, show_report
from deployments.cli.output import err
from deployments.client import Client
from pipeline.errors import ConfigError
from pipeline.findings import Report
from pipeline.guardrails import RAMP, Limits, Step
from pipeline.orders import ExperimentRequest, PromoteRequest, RampRequest, RollbackRequest
from pipeline.routing import Experiment, StickyBy
from pipeline.yamlfile import Document
from training.evaluation.experiment_plot import draw

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Show and change, live, which model version answers how much.")

_Task = Annotated[str, typer.Argument(help="Whose traffic is shared out: spam, phishing, otp or intent.")]
_Version = Annotated[str, typer.Argument(metavar="VERSION", help="Of the model store, distilbert/4.")]
_Revision = Annotated[
    int | None, typer.Option(min=0, help="Refuse unless this is the current revision; 0: there is none.")
]
_Why = Annotated[str, typer.Option(help="For the trail of changes.")]
_Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait until the named versions are ready everywhere; 0: do not wait.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")]
_PATIENCE_S = 60.0


class _Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ramp's file."""

    steps: tuple[Step, ...] = RAMP
    limits: Limits = Limits()


@app.command(name="list", epilog="Example: winnow experiments list")
def list_experiments(
    as_json: _Json = False, url: UrlOption = None, key: KeyOption = None, home: HomeOption = HOME
) -> None:
    """Show the experiments in force, and whether their versions are ready."""
    found = _ask(url, key, home, lambda client: client.experiments())
    _print(found, as_json, show_experiments)


@app.command(name="set", epilog='Example: winnow experiments set spam distilbert/4=90 distilbert/3=10 --why "canary"')
def set_weights(
    task: _Task,
    weights: Annotated[list[str], typer.Argument(metavar="VERSION=WEIGHT", help="Relative: any positive sum.")],
    sticky_by: Annotated[StickyBy, typer.Option(help="What stays with its version.")] = "sender",
    shadow: Annotated[
        list[str] | None,
        typer.Option(metavar="VERSION=SHARE", help="Sees a copy of this share, 0-1; give it again for more."),
    ] = None,
    control: Annotated[str | None, typer.Option(help="The version that the others are compared with.")] = None,
    revision: _Revision = None,
    why: _Why = "",
    wait: _Wait = _PATIENCE_S,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Set the whole experiment; every replica follows within two seconds, and no request is dropped.

    A ramp under way ends.
    """
    request = ExperimentRequest(_numbers(weights), sticky_by, revision, why, _numbers(shadow or []), control)
    named = [*request.arms, *request.shadow]
    _change(url, key, home, lambda client: client.put_experiment(task, request), named, wait)


@app.command(epilog='Example: winnow experiments promote spam distilbert/4 --why "better by the report"')
def promote(
    task: _Task,
    version: _Version,
    revision: _Revision = None,
    why: _Why = "",
    wait: _Wait = _PATIENCE_S,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Give a version all of the traffic; others are compared with it from now on."""
    request = PromoteRequest(version, revision, why)
    _change(url, key, home, lambda client: client.promote(task, request), [version], wait)


@app.command(epilog='Example: winnow experiments rollback spam --why "complaints"')
def rollback(
    task: _Task,
    revision: _Revision = None,
    why: _Why = "",
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Give the control all of the traffic; where it has that already, the control before the last promotion."""
    request = RollbackRequest(revision, why)
    _change(url, key, home, lambda client: client.rollback(task, request))


@app.command(epilog='Example: winnow experiments ramp spam distilbert/5 --why "weekly candidate"')
def ramp(
    task: _Task,
    version: _Version,
    plan: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            exists=True,
            show_default=False,
            help="YAML with steps (share, dwell_s, exposures, labels, margin) and limits; else 1, 5, 25, 100 %.",
        ),
    ] = None,
    sticky_by: Annotated[
        StickyBy | None, typer.Option(help="What stays with its version; else as it is.", show_default=False)
    ] = None,
    revision: _Revision = None,
    why: _Why = "",
    wait: _Wait = _PATIENCE_S,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Give a version more and more of the traffic; it stops by itself when a guardrail is hit."""
    found = Document(plan.read_text("utf-8"), str(plan)).decode(_Plan) if plan else _Plan()
    request = RampRequest(version, found.steps, found.limits, sticky_by, revision, why)
    _change(url, key, home, lambda client: client.start_ramp(task, request), [version], wait)


@app.command(epilog='Example: winnow experiments end spam --why "decided"')
def end(
    task: _Task,
    revision: _Revision = None,
    why: _Why = "",
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """End the experiment: the default version of the settings answers everything."""
    _change(url, key, home, lambda client: client.end_experiment(task, revision=revision, why=why))


@app.command(epilog="Example: winnow experiments history spam --limit 10")
def history(
    task: _Task,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many changes, newest first.")] = 20,
    as_json: _Json = False,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Show who changed what, when and why."""
    found = _ask(url, key, home, lambda client: client.history(task, limit))
    _print(found, as_json, show_history)


@app.command(epilog="Example: winnow experiments report spam --plot report.png")
def report(
    task: _Task,
    as_json: _Json = False,
    plot: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE.png", help="Draw it, too.", show_default=False)
    ] = None,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Show what each version did, and what is known of the difference."""
    found = _ask(url, key, home, lambda client: client.report(task))
    _print(found, as_json, show_report)
    if plot:
        _draw(found, plot)


def _ask(url: str | None, key: str | None, home: Path, question: Callable[[Client], Awaitable[T]]) -> T:
    async def work() -> T:
        async with connect(url, key, home) as client:
            return await question(client)

    return asyncio.run(work())


def _change(
    url: str | None,
    key: str | None,
    home: Path,
    change: Callable[[Client], Awaitable[Experiment]],
    named: Collection[str] = (),
    patience_s: float = 0.0,
) -> None:
    """Make a change, show what it came to, and wait for the versions that it named."""

    async def work() -> None:
        async with connect(url, key, home) as client:
            changed = await change(client)
            show_change(changed)
            if named and patience_s:
                await until_ready(client, changed.task, named, patience_s, err.print)

    asyncio.run(work())


def _print(found: T, as_json: bool, table: Callable[[T], None]) -> None:
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        table(found)


def _numbers(pairs: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for pair in pairs:
        ref, _, number = pair.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            ref = ""
        if not ref:
            raise typer.BadParameter(f"{pair!r} is not of the form distilbert/4=90")
        if ref in found:
            raise typer.BadParameter(f"{ref} is named twice")
        found[ref] = value
    return found


def _draw(report: Report, path: Path) -> None:
    """
    Raises:
        ConfigError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        draw(report, path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    err.print(f"the plot is {path}")
