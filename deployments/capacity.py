"""From the cost of a message to replicas and cores. Pure arithmetic.

The CPU of a part grows with time and replicas, with messages, and with batches. One ingress replica sends single
messages alone up to a rate that its round trips set; what comes beyond joins them. So at `rate` messages a second

    cores = replicas * per_second + rate * per_message + min(rate, ingress replicas * lone) * per_lone
"""

import math
from collections.abc import Mapping
from typing import get_args

import msgspec

from deployments.costs import BACKENDS, INGRESS, RAY, Cost, Costs, Kind
from pipeline.errors import ConfigError

KINDS: tuple[Kind, ...] = get_args(Kind)
_ROUNDING = 1e-9  #: what floats may add to a number that comes out even
_SHARE = 0.25  #: of a core: `num_cpus` comes in steps of it


class Demand(msgspec.Struct, frozen=True):
    """A load, and how much of its cores a replica shall be busy under it."""

    kind: Kind
    rate: float  #: messages a second
    utilisation: float  #: in (0, 1]; the rest is for peaks


class Need(msgspec.Struct, frozen=True):
    """What one part needs for a rate."""

    part: str
    replicas: int
    cores: float  #: that all replicas keep busy
    num_cpus: float  #: to set aside for each of them


def plan(costs: Costs, demand: Demand, threads: Mapping[str, int]) -> list[Need]:
    """What each part needs.

    Args:
        costs: of a message.
        demand: the load.
        threads: cores that one replica of a part can use, where they are not 1.

    Raises:
        ConfigError: a part is busier at rest than the utilisation allows, or Ingress has no costs.
    """
    lone = costs.lone_of(demand.kind)
    if INGRESS not in costs.parts:
        raise ConfigError(f"the costs lack {INGRESS}")
    ingresses = _ingresses(costs.parts[INGRESS], demand, lone)
    return [
        _need(
            part, cost, demand, ingresses, _load(cost, demand.kind, demand.rate, ingresses * lone), threads.get(part, 1)
        )
        for part, cost in costs.parts.items()
    ]


def predict(cost: Cost, kind: Kind, rate: float, replicas: int, lone: float) -> float:
    """Cores that a part keeps busy.

    Args:
        cost: of the part.
        kind: of the traffic.
        rate: messages a second.
        replicas: of the part.
        lone: messages a second that share no batch, at most, of all ingress replicas together.
    """
    return replicas * cost.per_second + _load(cost, kind, rate, lone)


def is_deployment(part: str) -> bool:
    return part not in BACKENDS


def _load(cost: Cost, kind: Kind, rate: float, lone: float) -> float:
    """Cores for the messages alone."""
    return rate * cost.per_message.get(kind, 0.0) + min(rate, lone) * cost.per_lone


def _ingresses(cost: Cost, demand: Demand, lone: float) -> int:
    """Replicas of Ingress: the more there are, the fewer messages find each other."""
    room = _room(INGRESS, cost, demand.utilisation)
    joined, alone = cost.per_message[demand.kind], cost.per_lone
    if lone * (joined + alone) >= room:
        return _ceil(demand.rate * (joined + alone) / room)
    return _ceil(demand.rate * joined / (room - lone * alone))


def _need(part: str, cost: Cost, demand: Demand, ingresses: int, load: float, threads: int) -> Need:
    if part == RAY:  # its processes are there once a node; no more of them would help
        replicas = 1
    elif part == INGRESS:
        replicas = ingresses
    else:
        replicas = _ceil(load / _room(part, cost, demand.utilisation * threads))
    cores = replicas * cost.per_second + load
    share = _SHARE * _ceil(cores / replicas / demand.utilisation / _SHARE)
    if part != RAY:  # several threads need all their cores, and one never more than its own
        share = min(share, 1.0) if threads == 1 else float(threads)
    return Need(part, replicas, cores, share)


def _room(part: str, cost: Cost, cores: float) -> float:
    """What is left of a replica's cores for messages."""
    if cost.per_second >= cores:
        raise ConfigError(f"{part} takes {cost.per_second:.2f} cores at rest; allow a higher utilisation")
    return cores - cost.per_second


def _ceil(number: float) -> int:
    return max(1, math.ceil(number - _ROUNDING))
