"""What messages cost: seconds of CPU in each part of a server, as `winnow capacity measure` writes them.

A part is a deployment by its name, or one of `BACKENDS`, which count as one each however many processes they have.
"""

from pathlib import Path
from typing import Literal

import msgspec

from pipeline.errors import ConfigError

Kind = Literal["single", "bulk"]  #: one message a request, or BULK of them
BULK = 100

INGRESS = "Ingress"  #: where batches form
RAY = "Ray"  #: raylet, GCS, controller, agents, dashboard, the server's own process: whatever has no other name
BACKENDS = ("HAProxy", "Redis", "Postgres", RAY)


class Cost(msgspec.Struct, frozen=True):
    """CPU of one part, in seconds of user and system.

    A single message that finds others waiting shares its calls between processes with them, for less than a lone one.
    """

    per_second: float  #: that one replica takes in a second whether messages come or not
    per_message: dict[Kind, float]
    per_lone: float  #: on top of that, of a single message that shares no batch


class Traffic(msgspec.Struct, frozen=True):
    """The messages that the costs of one kind were measured with."""

    rates: tuple[float, ...]  #: messages a second, as sent
    skipped: float  #: share of all that the cascade kept from the transformer
    cached: float  #: share of all that a cache answered


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    measured: str  #: the day, 2026-01-31
    cores: int  #: of the machine
    profile: str  #: the server's Serve config file
    threads: int  #: of a DistilBert replica
    lone: (
        float  #: single messages a second, at one ingress replica, that share no batch; those above this rate join them
    )
    traffic: dict[Kind, Traffic]
    parts: dict[str, Cost]

    def lone_of(self, kind: Kind) -> float:
        """Messages a second, at one ingress replica, that share no batch; a bulk is a batch already."""
        return self.lone if kind == "single" else 0.0


def read(path: Path) -> Costs:
    """The costs of a file.

    Raises:
        ConfigError: it is not there, or does not hold costs; names the file and the key.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Costs)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; `winnow capacity measure` makes such a file") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


def write(path: Path, costs: Costs) -> None:
    """Write a file for `read`, and the folders above it.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(costs)) + b"\n")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
