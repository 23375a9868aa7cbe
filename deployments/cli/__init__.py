"""The command line `winnow`: one module a command or group of commands."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deployments.cli import (
    bench,
    capacity,
    classify,
    compare,
    evaluate,
    experiments,
    export,
    keys,
    models,
    retrain,
    serve,
    tenants,
)
from deployments.cli.output import complain
from pipeline.errors import WinnowError


class _Group(TyperGroup):
    """Turns Winnow's errors into one line and exit code 1, in every command."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except WinnowError as error:
            complain(error)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"winnow {version('winnow')}")
        raise typer.Exit


@app.callback(epilog='Try: winnow serve, then in another terminal: winnow classify "Your code is 123456"')
def _winnow(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Tell for every SMS whether it is spam, phishing or a one-time password."""


app.command(epilog="Example: winnow serve --port 8001 --home .winnow-two")(serve.serve)
app.command(epilog='Example: winnow classify "Your parcel is held, pay at hxxp://…" --sender +447700900123')(
    classify.classify
)
app.command(epilog="Example: winnow evaluate --concurrency 64 --json > figures.json")(evaluate.evaluate)
app.command(epilog="Example: winnow bench --count 1000 --json > latency.json")(bench.bench)
app.command("compare", epilog="Example: winnow compare reports/old reports/new --show-texts")(compare.compare_reports)
app.add_typer(capacity.app, name="capacity")
app.add_typer(keys.app, name="keys")
app.add_typer(tenants.app, name="tenants")
app.add_typer(experiments.app, name="experiments")
app.add_typer(models.app, name="models")
app.add_typer(export.app, name="export")
app.command(epilog="Example: winnow retrain --serving distilbert/4 --root s3://models/winnow --ramp")(retrain.retrain)
app.command(epilog="Example: env $(winnow environment) ray start --head")(serve.environment)


def main() -> None:
    """Entry point of the console script."""
    app()
