"""CPU that the processes of a running server have used, by part."""

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

import msgspec
import psutil  # type: ignore[import-untyped]

from deployments.costs import RAY
from pipeline.errors import Unavailable

_REPLICA = re.compile(r"ray::ServeReplica:[^:]+:(\w+)")  #: Ray names its processes so, and the method behind a dot
_PROGRAMS = {"haproxy": "HAProxy", "redis-server": "Redis", "postgres": "Postgres"}

Process = tuple[int, float]  #: pid and time of its start, as pids are given out again


class Used(msgspec.Struct, frozen=True):
    cpu_s: float  #: user and system
    replicas: int  #: of a deployment; 1 for any other part


class Reading(msgspec.Struct, frozen=True):
    """All processes of a server at one moment: the part that each belongs to, and its CPU so far in seconds."""

    parts: dict[Process, str]
    cpu_s: dict[Process, float]


def read(pid: int) -> Reading:
    """Look at a process and all below it.

    Raises:
        Unavailable: there is no such process.
    """
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        raise Unavailable(f"the server is gone: there is no process {pid}") from None
    reading = Reading({}, {})
    for process in processes:
        with suppress(psutil.Error):  # it ended meanwhile
            times = process.cpu_times()
            key = (process.pid, process.create_time())
            reading.parts[key] = part(process.name(), process.cmdline())
            reading.cpu_s[key] = times.user + times.system
    return reading


def used(before: Reading, after: Reading) -> dict[str, Used]:
    """CPU between two readings, by part. What a process used that ended in between is lost."""
    seconds: dict[str, float] = dict.fromkeys(after.parts.values(), 0.0)
    for process, name in after.parts.items():
        seconds[name] += after.cpu_s[process] - before.cpu_s.get(process, 0.0)
    replicas = _replicas(after.parts)
    return {name: Used(cpu_s, replicas.get(name, 1)) for name, cpu_s in seconds.items()}


def part(name: str, cmdline: list[str]) -> str:
    """The part that a process belongs to, by its name and command line."""
    if replica := _REPLICA.match(cmdline[0] if cmdline else ""):
        return replica[1]
    return _PROGRAMS.get(name, RAY)


def _replicas(parts: Mapping[Process, str]) -> dict[str, int]:
    """Processes of each deployment."""
    others = {RAY, *_PROGRAMS.values()}
    return Counter(name for name in parts.values() if name not in others)
