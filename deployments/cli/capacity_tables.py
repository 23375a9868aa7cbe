"""Costs and plans of capacity for a terminal."""

from collections.abc import Sequence
from typing import Any

import msgspec

from configs.profile import ActorOptions, DeploymentOptions
from deployments.capacity import Need, is_deployment, predict
from deployments.cli.output import out, show
from deployments.cost_fit import Sample
from deployments.costs import INGRESS, Cost, Costs, Traffic
from deployments.usage import Used


def show_costs(found: Costs) -> None:
    """What each part takes of a message, and at rest."""
    columns = ("ms of CPU a message", "single, alone", "single, joined", "bulk", "cores at rest")
    rows = [(part, *_milliseconds(cost), cost.per_second) for part, cost in found.parts.items()]
    rows.append(("all", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True))))
    show(columns, [(str(name), *(f"{each:.3f}" for each in row)) for name, *row in rows], numbers=columns[1:])
    out.print()
    headings = ("traffic", "messages/s", "without transformer %", "from a cache %")
    show(headings, [(kind, *_traffic(each)) for kind, each in found.traffic.items()], numbers=headings[1:])
    out.print(f"\nat one {INGRESS}, single messages are alone up to {found.lone:.0f} a second; those beyond join them")


def show_plan(needs: Sequence[Need], deployments: Sequence[DeploymentOptions], utilisation: float) -> None:
    """Replicas and cores, and the lines of a Serve config file that say the same."""
    columns = ("part", "replicas", "cores busy", "cores each")
    rows = [(each.part, str(each.replicas), f"{each.cores:.2f}", f"{each.num_cpus:g}") for each in needs]
    show(columns, rows, numbers=columns[1:])
    busy = sum(each.cores for each in needs)
    out.print(
        f"\n{busy:.1f} cores busy; {busy / utilisation:.1f} cores, where they shall be {100 * utilisation:g} % busy\n"
    )
    print(snippet(needs, deployments))


def snippet(needs: Sequence[Need], deployments: Sequence[DeploymentOptions]) -> str:
    """`deployments:` of a Serve config file: the same options, with the replicas that are needed.

    A fixed number takes the place of autoscaling.
    """
    options = {each.name: each for each in deployments}
    order = {name: place for place, name in enumerate(options)}
    chosen = sorted(
        filter(lambda each: is_deployment(each.part), needs), key=lambda each: order.get(each.part, len(order))
    )
    lines = [_deployment(each, options.get(each.part, DeploymentOptions(name=each.part))) for each in chosen]
    return "\n".join(("    deployments:", *lines))


def show_check(costs: Costs, sample: Sample) -> None:
    """Cores predicted and measured.

    Args:
        costs: that predict.
        sample: of a server under a load.
    """
    assert sample.kind is not None
    rate, lone = sample.messages / sample.seconds, sample.ingresses * costs.lone_of(sample.kind)
    out.print(f"{sample.kind}, {rate:.0f} messages/s for {sample.seconds:.0f} s\n")
    rows = []
    for part in dict.fromkeys((*costs.parts, *sample.used)):
        used = sample.used.get(part, Used(0.0, 1))
        cost = costs.parts.get(part, Cost(0.0, {}, 0.0))
        rows.append((part, predict(cost, sample.kind, rate, used.replicas, lone), used.cpu_s / sample.seconds))
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    columns = ("part", "cores predicted", "cores measured", "measured / predicted")
    show(columns, [_compared(*row) for row in rows], numbers=columns[1:])


def _milliseconds(cost: Cost) -> tuple[float, ...]:
    """Of a lone message, of one that joins others, and of one of a bulk."""
    single, bulk = cost.per_message["single"], cost.per_message["bulk"]
    return 1000 * (single + cost.per_lone), 1000 * single, 1000 * bulk


def _traffic(each: Traffic) -> tuple[str, ...]:
    rates = ", ".join(f"{rate:.0f}" for rate in each.rates)
    return rates, f"{100 * each.skipped:.1f}", f"{100 * each.cached:.1f}"


def _compared(part: str, predicted: float, measured: float) -> tuple[str, ...]:
    return part, f"{predicted:.3f}", f"{measured:.3f}", f"{measured / predicted:.2f}" if predicted else "-"


def _deployment(need: Need, options: DeploymentOptions) -> str:
    actor = options.ray_actor_options or ActorOptions()
    chosen = msgspec.structs.replace(
        options,
        name=need.part,
        num_replicas=need.replicas,
        autoscaling_config=None,
        ray_actor_options=msgspec.structs.replace(actor, num_cpus=need.num_cpus),
    )
    return f"      - {_flow({'name': need.part, **chosen.options()})}"


def _flow(value: Any) -> str:
    """YAML on one line; options that say nothing are left out."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items() if each not in (None, 0, {})) + "}"
        )
    return f"{value:g}" if isinstance(value, float) else str(value)
