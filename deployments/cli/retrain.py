"""`winnow retrain`: a new version from feedback, published if it keeps every gate, and given traffic if told to."""

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from configs.settings import ROOT, Models, project_path
from deployments.cli.arrival import until_ready
from deployments.cli.connection import (
    HOME,
    DatabaseOption,
    HomeOption,
    KeyOption,
    UrlOption,
    connect,
    database_address,
)
from deployments.cli.experiment_tables import show_change
from deployments.cli.output import err, out, show
from deployments.client import Client
from model_store.open import open_store
from pipeline.errors import ConfigError
from pipeline.orders import RampRequest

if TYPE_CHECKING:
    from training.retrain.plan import Plan
    from training.retrain.run import Outcome, Retraining

_TASK = "spam"
_PATIENCE_S = 60.0
_CACHE = project_path(Models().cache)
_CONFIG = ROOT / "configs" / "retrain.yaml"


def retrain(
    root: Annotated[str, typer.Option(help="The model store: a folder or s3://bucket/prefix.")],
    serving: Annotated[
        str | None,
        typer.Option(
            help="Version to improve on; else with --url or --ramp what the server says, else the default one.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[Path, typer.Option(dir_okay=False, help="Recipe, gates, and how much is enough.")] = _CONFIG,
    to: Annotated[
        Path, typer.Option("--out", file_okay=False, help="Folder of the run, of reports and of checkpoints.")
    ] = Path("build/retrain"),
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            exists=True,
            show_default=False,
            help="Of the serving transformer, to go on from; else that of an earlier run in --out, else from scratch.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would train on, and write nothing.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also where there is hardly any new feedback.")] = False,
    ramp: Annotated[bool, typer.Option("--ramp", help="Start a ramp, 1 % at first, with what passed.")] = False,
    cache: Annotated[Path, typer.Option(file_okay=False, help="Folder for copies of what a bucket holds.")] = _CACHE,
    database_url: DatabaseOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Train a version on the corpora and all feedback, and publish it if it keeps every gate.

    Exit code 1 where it does not: then nothing is published, and the report says why. A run that was cut off goes on.
    """
    feedback = database_address(database_url, home)
    if serving is None:
        serving = _ask_server(url, key, home) if url or ramp else Models().transformers[0]
    retraining = _prepare(root, serving, config, to, checkpoint, cache, feedback)
    _say_plan(retraining)
    if dry_run:
        _show_data(retraining)
        return
    if not (anyway or retraining.is_worthwhile):
        out.print("too little is new to train on; --anyway trains all the same")
        return
    outcome = retraining.run()
    _show_outcome(outcome)
    if not outcome.published:
        raise typer.Exit(1)
    if ramp:
        _start_ramp(outcome.plan, len(outcome.verdicts), url, key, home)


def _prepare(
    root: str, serving: str, config: Path, to: Path, checkpoint: Path | None, cache: Path, feedback: str
) -> "Retraining":
    """
    Raises:
        ConfigError: the environment is that of serving, or a file or corpus is missing or wrong.
        ModelError: the serving version cannot be opened.
        Unavailable: the database or the store is away.
    """
    try:
        from training.feedback import feedback_examples
        from training.retrain.run import Retraining
        from training.retrain.settings import read_settings
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"retraining needs {error.name}, which the environment of training has: make .venv/bin/.train"
        ) from None
    settings = read_settings(config)
    read = partial(feedback_examples, feedback, caps=settings.caps)
    return Retraining(settings, open_store(root, cache), serving, to, read, checkpoint)


def _ask_server(url: str | None, key: str | None, home: Path) -> str:
    """The version that the others are compared with; without an experiment, the default one."""

    async def work() -> str:
        async with connect(url, key, home) as client:
            found = (each.control for each in await client.experiments() if each.task == _TASK)
            return next(found, None) or Models().transformers[0]

    return asyncio.run(work())


def _say_plan(retraining: "Retraining") -> None:
    plan = retraining.plan
    begun = "goes on with a run that was cut off" if retraining.is_resumed else "begins"
    start = f"the weights in {retraining.checkpoint}" if retraining.checkpoint else "the recipe's own beginning"
    since = f"since {plan.since:%Y-%m-%d %H:%M} UTC" if plan.since else "unknown to the serving version"
    facts = [
        ("run", begun),
        ("candidate", f"{plan.net} with {plan.trees}, beside {plan.serving} with {plan.serving_trees}"),
        ("starts from", start),
        ("feedback", f"{plan.messages:,} messages until {plan.until:%Y-%m-%d %H:%M} UTC"),
        ("new", f"{plan.news:,} messages {since}"),
        ("left out", f"{plan.left_out:,} messages that resemble what the gates ask"),
    ]
    show(("", ""), facts)


def _show_data(retraining: "Retraining") -> None:
    rows = [(each.name, f"{each.rows:,}", each.use, each.licence, each.sha256) for each in retraining.data()]
    out.print()
    show(("data", "rows", "use", "licence", "sha256"), rows, numbers=("rows",))


def _show_outcome(outcome: "Outcome") -> None:
    from training.retrain.report import verdict_rows

    out.print()
    show(("gate", "candidate %", "serving %", "verdict"), verdict_rows(outcome.verdicts))
    err.print(f"the report is {outcome.report}")
    if outcome.published:
        out.print(f"published: {' and '.join(outcome.published)}", style="green")
    else:
        failed = sum(not verdict.passed for verdict in outcome.verdicts)
        err.print(f"{failed} of {len(outcome.verdicts)} gates failed: nothing is published", style="red")


def _start_ramp(plan: "Plan", gates: int, url: str | None, key: str | None, home: Path) -> None:
    request = RampRequest(plan.net, why=f"retrained from {plan.serving}, {gates} gates passed")

    async def start(client: Client) -> None:
        show_change(await client.start_ramp(_TASK, request))
        await until_ready(client, _TASK, [plan.net], _PATIENCE_S, err.print)

    async def work() -> None:
        async with connect(url, key, home) as client:
            await start(client)

    asyncio.run(work())
