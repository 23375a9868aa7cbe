"""`winnow retrain`: a new version from feedback, published if it keeps every gate, and given traffic if told to."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from configs.settings import ROOT, Models, project_path
from deployments.cli import retrain_ramp
from deployments.cli.connection import HOME, DatabaseOption, HomeOption, KeyOption, UrlOption, database_address
from deployments.cli.output import err, out, show
from model_store.open import open_store
from pipeline.errors import ConfigError, Unavailable
from pipeline.routing import Experiment

if TYPE_CHECKING:
    from training.examples import Example
    from training.retrain.run import Outcome, Retraining

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
    asks = ramp or (url and not serving)
    experiment = retrain_ramp.current(url, key, home) if asks else None
    serving = _serving(serving, experiment)
    retraining = _prepare(
        root, serving, config, to, checkpoint, cache, feedback, experiment.revision if experiment else None
    )
    _say_plan(retraining)
    if experiment and ramp and (found := retrain_ramp.obstacle(retraining.plan, experiment)):
        err.print(f"as it is now, the candidate would get no traffic: {found}", style="yellow")
    if dry_run:
        _show_data(retraining)
        return
    if not (anyway or retraining.is_worthwhile):
        _say_too_little(retraining)
        return
    outcome = retraining.run()
    _show_outcome(outcome)
    if not outcome.published:
        raise typer.Exit(1)
    if ramp:
        retrain_ramp.start(outcome.plan, len(outcome.verdicts), url, key, home)


def _serving(named: str | None, experiment: Experiment | None) -> str:
    """The version to improve on.

    Raises:
        ConfigError: it is not the one that a ramp would compare the candidate with.
    """
    if experiment is None:
        return named or Models().transformers[0]
    serving = retrain_ramp.control(experiment)
    if named not in (None, serving):
        raise ConfigError(f"a ramp compares with {serving}, which serves; without --ramp {named} may be improved on")
    return serving


def _prepare(
    root: str,
    serving: str,
    config: Path,
    to: Path,
    checkpoint: Path | None,
    cache: Path,
    feedback: str,
    revision: int | None,
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

    def read(since: datetime | None) -> "list[Example]":
        try:
            return feedback_examples(feedback, since, settings.caps)
        except Unavailable as error:
            where = urlsplit(feedback).hostname or "this machine"  # the rest of the address holds a password
            hint = "--database-url or DATABASE_URL names it; `winnow keys create` makes what a new one lacks"
            raise Unavailable(f"feedback cannot be read from {where}: {error.detail}; {hint}") from None

    return Retraining(settings, open_store(root, cache), serving, to, read, checkpoint, revision)


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


def _say_too_little(retraining: "Retraining") -> None:
    out.print(
        f"too little is new to train on: {retraining.plan.news:,} messages, of {retraining.least_news:,} at least. "
        "Feedback teaches where it was sent with the text of its message; --anyway trains all the same"
    )


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
