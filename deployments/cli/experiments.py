"""`winnow experiments`: which share of the traffic each model version answers."""

import asyncio
from typing import Annotated

import typer

from deployments.cli.connection import HOME, DatabaseOption, HomeOption, KeyOption, UrlOption, connect, open_database
from deployments.cli.output import out, show
from pipeline.clients.experiments import ExperimentChange, Experiments
from pipeline.routing import Experiment, StickyBy
from pipeline.wire import ExperimentRequest

app = typer.Typer(no_args_is_help=True, help="Show and change the weights of model versions, live.")

_Task = Annotated[str, typer.Argument(help="The task whose traffic is shared out: spam.")]


@app.command(name="list", epilog="Example: winnow experiments list")
def list_experiments(url: UrlOption = None, key: KeyOption = None, home: HomeOption = HOME) -> None:
    """Show the weights in force."""

    async def work() -> None:
        async with connect(url, key, home) as client:
            _print(await client.experiments())

    asyncio.run(work())


@app.command(name="set", epilog='Example: winnow experiments set spam distilbert/4=90 distilbert/3=10 --why "canary"')
def set_weights(
    task: _Task,
    weights: Annotated[list[str], typer.Argument(metavar="VERSION=WEIGHT", help="Relative: any positive sum.")],
    sticky_by: Annotated[StickyBy, typer.Option(help="What stays with its version.")] = "sender",
    revision: Annotated[int | None, typer.Option(help="Refuse unless this is the current revision.")] = None,
    why: Annotated[str, typer.Option(help="For the trail of changes.")] = "",
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Change the weights; every replica follows within two seconds, and no request is dropped."""
    request = ExperimentRequest(_arms(weights), sticky_by, revision, why)

    async def work() -> None:
        async with connect(url, key, home) as client:
            _print([await client.put_experiment(task, request)])

    asyncio.run(work())


@app.command(epilog="Example: winnow experiments history spam --limit 10")
def history(
    task: _Task,
    limit: Annotated[int, typer.Option(min=1, help="How many changes, newest first.")] = 20,
    database_url: DatabaseOption = None,
    home: HomeOption = HOME,
) -> None:
    """Show who changed what, when and why; read from the database."""

    async def work() -> None:
        async with open_database(database_url, home) as database:
            changes = await Experiments(database).history(task, limit)
        columns = ("revision", "changed", "by", "weights", "sticky by", "why")
        show(columns, map(_change, changes), numbers=("revision",))

    asyncio.run(work())


def _arms(weights: list[str]) -> dict[str, float]:
    arms: dict[str, float] = {}
    for pair in weights:
        ref, _, weight = pair.rpartition("=")
        try:
            value = float(weight)
        except ValueError:
            ref = ""
        if not ref:
            raise typer.BadParameter(f"{pair!r} is not of the form distilbert/4=90")
        if ref in arms:
            raise typer.BadParameter(f"{ref} is named twice")
        arms[ref] = value
    return arms


def _print(experiments: list[Experiment]) -> None:
    if not experiments:
        out.print("no experiment runs: the default version answers everything")
        return
    rows = [(each.task, str(each.revision), each.sticky_by, _shares(each.arms)) for each in experiments]
    show(("task", "revision", "sticky by", "weights"), rows, numbers=("revision",))


def _change(change: ExperimentChange) -> tuple[str, ...]:
    when = f"{change.changed_at:%Y-%m-%d %H:%M:%S}"
    after = change.after
    return str(change.revision), when, change.changed_by, _shares(after.arms), after.sticky_by, change.why


def _shares(arms: dict[str, float]) -> str:
    """ "distilbert/4 90%, distilbert/3 10%", largest first."""
    total = sum(arms.values()) or 1.0
    ranked = sorted(arms.items(), key=lambda item: -item[1])
    return ", ".join(f"{ref} {100 * weight / total:.4g}%" for ref, weight in ranked)
