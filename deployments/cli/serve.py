"""`winnow serve`: one whole server on this machine."""

import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from configs.profile import load
from configs.settings import ROOT
from deployments.demo_llm import standing_in
from deployments.environment import PERFORMANCE
from deployments.server import Running, running, stop_on_signals
from pipeline.errors import Unavailable

console = Console(stderr=True, highlight=False)

EXAMPLE = {"text": "Your OTP for HDFC Bank login is 482913. Do not share.", "sender": "VM-HDFCBK"}
#: Known without importing Ray, which must not be imported before its environment is set.
NAMES = frozenset(("Ingress", "RuleEngine", "LightGbm", "Tokenizer", "DistilBert", "GroqIntent"))


def serve(
    config: Annotated[Path, typer.Option(help="A Serve config file.")] = ROOT / "configs/serve.local.yaml",
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="HTTP port; else the config file's.")] = None,
    home: Annotated[
        Path, typer.Option(envvar="WINNOW_HOME", help="Folder for data, secrets and logs of this server.")
    ] = Path(".winnow"),
    demo_llm: Annotated[
        bool,
        typer.Option(
            "--demo-llm",
            help="Let a stand-in on this machine play Groq: it answers from the local intent model.",
        ),
    ] = False,
) -> None:
    """Serve on this machine until Ctrl-C.

    Starts a Redis and a Postgres of its own unless REDIS_URL and DATABASE_URL name others, and Ray Serve behind
    HAProxy; prints a request to try. Two servers run side by side with different --home and --port.
    """
    started = time.monotonic()
    stop_on_signals()
    profile = load(config, NAMES)
    status = console.status("starting: the first start prepares a database and takes a few seconds longer")
    try:
        with (
            standing_in(profile.settings) if demo_llm else nullcontext() as stand_in,
            status,
            running(profile, home, port or profile.http_options.port) as server,
        ):
            status.stop()
            _announce(server, time.monotonic() - started, stand_in)
            _watch(server)
    except KeyboardInterrupt:
        console.print("stopped")


def _watch(server: Running) -> None:
    """Return never; end the server when a backend has ended by itself."""
    while not (dead := server.dead_backends()):
        time.sleep(1)
    raise Unavailable(f"{' and '.join(dead)} ended unexpectedly; its log is in the home folder")


def environment() -> None:
    """Print the variables that make Ray Serve fast, for the nodes of a cluster."""
    for name, value in {**PERFORMANCE, "PROMETHEUS_MULTIPROC_DIR": "/tmp/winnow-metrics"}.items():  # noqa: S108
        print(f"{name}={value}")


def _announce(server: Running, seconds: float, stand_in: str | None) -> None:
    """`stand_in`: address of the one that plays Groq."""
    if stand_in:
        console.print(
            f"[yellow]--demo-llm:[/] a stand-in at {stand_in} plays Groq. Where a verdict says intent_source groq, the "
            "answer is the local intent model's, not Groq's, and nothing leaves this machine.\n"
        )
    console.print(f"[bold green]ready[/] in {seconds:.0f} s: {server.url} (docs: {server.url}/docs). Try:\n")
    if server.key is None:
        console.print("The database is yours: winnow keys create --tenant TENANT --name NAME makes a key.\n")
    # Plain print: a terminal must not wrap what is meant to be pasted.
    print(
        f"curl -s {server.url}/v1/classify -H 'Authorization: Bearer {server.key or 'KEY'}' "
        f"-H 'Content-Type: application/json' -d '{json.dumps(EXAMPLE)}'\n",
        flush=True,
    )
    console.print("Ctrl-C stops the server, its Redis and its Postgres.")
