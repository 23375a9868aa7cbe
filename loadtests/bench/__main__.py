"""`python -m loadtests.bench`: everything side by side; `bare` and `overload` by themselves."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from configs.settings import ROOT, Settings
from deployments.server import stop_on_signals
from loadtests.bench import bare, base, messages, overload, phases, plot, report, servers
from pipeline.errors import ConfigError, WinnowError

RESULTS = ROOT / "loadtests" / "results"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Out = Annotated[Path, typer.Option(help="Folder of the report.")]


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="One round, fewer messages: does it work?")] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds, else 3, or 1 if quick.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Servers by name: winnow, mosec …; again for more.")] = None,
    out: Out = RESULTS,
) -> None:
    """Winnow, the bare loop and the peers, in rounds; writes bench.md, bench.json and bench.png."""
    if context.invoked_subcommand:
        return
    sizes = messages.QUICK if quick else messages.FULL
    sizes = msgspec.structs.replace(sizes, rounds=rounds or sizes.rounds)
    chosen = _chosen(only)
    slices = messages.slices(messages.pool(), sizes)
    if any(server.in_peers_env for server in chosen):
        servers.prepare_peers()
    loop = bare.Bare(Settings())
    found = phases.rounds(
        chosen,
        slices,
        sizes,
        lambda number: bare.measure(loop, slices.single, slices.warm, number),
        speed=lambda: bare.speed(loop, slices.warm),
        tell=_tell,
    )
    table = report.rows(found)
    about = report.about(_now(), _command(), sizes.rounds, servers.PEERS_ENV)
    out.mkdir(parents=True, exist_ok=True)
    text = report.render(table, about)
    (out / "bench.md").write_text(text)
    (out / "bench.json").write_bytes(
        msgspec.json.format(msgspec.json.encode({"about": about, "rows": table, "measurements": found}))
    )
    print(text)
    plot.draw(table, out / "bench.png")


@app.command("bare")
def bare_loop() -> None:
    """The limit: the shipped models in one process, without a server."""
    slices = messages.slices(messages.pool(), messages.FULL)
    for each in bare.measure(bare.Bare(Settings()), slices.single, slices.warm):
        print(f"{each.setting}: {each.messages:,.0f} messages/s")


@app.command("overload")
def overload_(
    seconds: Annotated[float, typer.Option(min=1, help="Length of normal traffic, and of the overload.")] = 60,
    setting: Annotated[int, typer.Option(min=0, max=3, help="Which of Winnow's settings, as in bench.md.")] = 2,
    out: Out = RESULTS,
) -> None:
    """Winnow under three times its capacity; writes overload.md and overload.json."""
    server = servers.winnows()[setting]
    texts = messages.pool()
    with servers.serving(server) as target:
        outcome = overload.overload(server, target, texts, seconds)
    out.mkdir(parents=True, exist_ok=True)
    text = overload.render(outcome, _now(), _command())
    (out / "overload.md").write_text(text)
    (out / "overload.json").write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))
    print(text)


@app.command("base")
def base_(messages_: Annotated[int, typer.Option("--messages", min=100)] = 400) -> None:
    """One connection with a model of 66M parameters (needs the environment of training)."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print(base.measure(messages.pool()[:messages_], Path(folder)))


def _chosen(only: list[str] | None) -> list[servers.Server]:
    everything = [*servers.winnows(), *servers.peers()]
    if not only:
        return everything
    wanted = {name.casefold() for name in only}
    unknown = wanted - {server.name.casefold() for server in everything}
    if unknown:
        known = ", ".join(dict.fromkeys(server.name for server in everything))
        raise ConfigError(f"--only: no server is called {', '.join(sorted(unknown))}; there are {known}")
    return [server for server in everything if server.name.casefold() in wanted]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _command() -> str:
    return " ".join(["python -m loadtests.bench", *sys.argv[1:]])


def main() -> None:
    stop_on_signals()  # a server that was started must be ended
    try:
        app()
    except WinnowError as error:
        sys.exit(f"{error.title}: {error.detail}")


if __name__ == "__main__":
    main()
