"""`winnow capacity`: what a message costs, and how many replicas and cores a rate needs."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from configs.profile import Profile, load
from configs.settings import ROOT
from deployments import costs as costs_file
from deployments.capacity import KINDS, Demand, Need, plan
from deployments.cli.capacity_tables import show_check, show_costs, show_plan
from deployments.cli.connection import HOME, HomeOption, KeyOption, connect, local_server
from deployments.cli.output import complain, err
from deployments.cli.serve import NAMES
from deployments.cost_fit import Sample, fit
from deployments.costs import INGRESS, Costs, Kind, Traffic
from deployments.paced import IN_FLIGHT, Load, Server
from pipeline.errors import ConfigError, WinnowError

#: Messages a second, from those that meet nobody to what two cores can do.
RATES: dict[Kind, tuple[float, ...]] = {"single": (25.0, 50.0, 100.0, 200.0, 300.0), "bulk": (200.0, 400.0, 800.0)}
_BEHIND = 0.95  #: of the rate that was asked for
_FEWEST = 2  #: rates of a kind that tell lone messages from others
_WARM_UP_S = 2.0

app = typer.Typer(
    invoke_without_command=True,
    no_args_is_help=True,
    help="Tell how many replicas and cores a rate needs, from measured CPU a message.",
    epilog="Example: winnow capacity --rate 12000 --kind single",
)

_Rate = Annotated[float, typer.Option(min=1, help="Messages a second.")]
_KindOption = Annotated[Kind, typer.Option(help="One message a request, or a hundred.")]
_CostsOption = Annotated[Path, typer.Option("--costs", help="What `winnow capacity measure` wrote.")]
_Seconds = Annotated[float, typer.Option(min=0.1, help="Length of each load.")]

_COSTS = ROOT / "configs/costs.json"
_TRANSFORMER = "DistilBert"
_LOCAL = ROOT / "configs/serve.local.yaml"
_CLUSTER = ROOT / "configs/serve.production.yaml"


@app.callback()
def capacity(
    context: typer.Context,
    rate: Annotated[float | None, typer.Option(min=1, help="Messages a second.")] = None,
    kind: _KindOption = "single",
    utilisation: Annotated[
        float, typer.Option(min=0.05, max=1.0, help="Share of its core that a replica shall be busy.")
    ] = 0.6,
    costs: _CostsOption = _COSTS,
    config: Annotated[Path, typer.Option(help="The Serve config file to plan for.")] = _CLUSTER,
) -> None:
    """Tell how many replicas and cores a rate needs, from measured CPU a message."""
    if context.invoked_subcommand:
        return
    if rate is None:
        raise typer.BadParameter("give a --rate, in messages a second")
    known, profile = costs_file.read(costs), load(config, NAMES)
    if missing := NAMES - known.parts.keys():
        raise ConfigError(f"{costs}: parts: lacks {', '.join(sorted(missing))}")
    needs = plan(known, Demand(kind, rate, utilisation), {_TRANSFORMER: _threads(profile)})
    show_plan(needs, profile.application.deployments, utilisation)
    _remark(needs, rate, max(known.traffic[kind].rates))


@app.command(epilog="Example: winnow capacity measure --out build/capacity.json")
def measure(
    seconds: _Seconds = 10.0,
    output: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")] = Path("build/capacity.json"),
    config: Annotated[Path, typer.Option(help="The Serve config file of the server.")] = _LOCAL,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Measure what messages cost the server that runs in --home: its CPU at rest, and at several rates.

    Nobody else should use it or the machine meanwhile: where answers take longer, more messages share a batch.
    """
    threads = _threads(load(config, NAMES))
    rest, loads = asyncio.run(_measure(home, key, seconds))
    lone, parts = fit([rest, *(load.sample for each in loads.values() for load in each)])
    found = Costs(
        measured=time.strftime("%Y-%m-%d"),
        cores=os.cpu_count() or 1,
        profile=config.name,
        threads=threads,
        lone=lone,
        traffic={kind: _traffic(each) for kind, each in loads.items()},
        parts=parts,
    )
    costs_file.write(output, found)
    show_costs(found)
    err.print(f"written to {output}; winnow capacity --costs {output} reads it")


@app.command(epilog="Example: winnow capacity check --rate 150 --costs build/capacity.json")
def check(
    rate: _Rate,
    kind: _KindOption = "single",
    seconds: _Seconds = 10.0,
    costs: _CostsOption = _COSTS,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Put the server that runs in --home under a load, and compare its CPU with what the costs say of it."""
    known = costs_file.read(costs)

    async def work() -> Load:
        async with _server(home, key) as server:
            return await _load(server, kind, rate, seconds)

    show_check(known, asyncio.run(work()).sample)


@asynccontextmanager
async def _server(home: Path, key: str | None) -> AsyncIterator[Server]:
    """The server of this folder, warm."""
    pid = local_server(home)
    async with connect(None, key, home, connections=IN_FLIGHT) as client:
        server = Server(client, pid)
        for kind, rates in RATES.items():
            await server.load(kind, rates[0], _WARM_UP_S)
        yield server


async def _measure(home: Path, key: str | None, seconds: float) -> tuple[Sample, dict[Kind, list[Load]]]:
    async with _server(home, key) as server:
        err.print(f"at rest, {seconds:g} s")
        return await server.rest(seconds), {kind: await _loads(server, kind, seconds) for kind in KINDS}


async def _loads(server: Server, kind: Kind, seconds: float) -> list[Load]:
    """One load after the other, each faster than the one before, as far as the server can follow.

    Raises:
        WinnowError: it could not even at the second one.
    """
    loads: list[Load] = []
    for rate in RATES[kind]:
        try:
            loads.append(await _load(server, kind, rate, seconds))
        except WinnowError as error:
            if len(loads) < _FEWEST:
                raise
            complain(error, f"left out {rate:g} messages/s")
            break
    return loads


async def _load(server: Server, kind: Kind, rate: float, seconds: float) -> Load:
    err.print(f"{kind}, {rate:g} messages/s, {seconds:g} s")
    found = await server.load(kind, rate, seconds)
    if found.rate < _BEHIND * rate:
        err.print(f"the server fell behind: {found.rate:.0f} messages/s; costs of one that keeps pace are higher")
    return found


def _traffic(loads: list[Load]) -> Traffic:
    total = sum(each.sample.messages for each in loads)
    return Traffic(
        rates=tuple(round(each.rate, 1) for each in loads),
        skipped=round(sum(each.skipped for each in loads) / total, 4),
        cached=round(sum(each.cached for each in loads) / total, 4),
    )


def _remark(needs: list[Need], rate: float, measured: float) -> None:
    """Say so where the plan goes beyond what was measured."""
    each = rate / next(need.replicas for need in needs if need.part == INGRESS)
    if each > measured:
        err.print(
            f"each {INGRESS} would take {each:.0f} messages/s; costs were measured up to {measured:.0f}. "
            "Measure where a server can do more, or check the plan under load"
        )


def _threads(profile: Profile) -> int:
    """Cores that one replica of the transformer can use: as many as are named, else as are reserved for it."""
    options = (each.ray_actor_options for each in profile.application.deployments if each.name == _TRANSFORMER)
    reserved = next((int(each.num_cpus) for each in options if each), 1)
    return profile.settings.models.threads or max(1, reserved)
