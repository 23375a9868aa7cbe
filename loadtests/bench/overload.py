"""Three times more than Winnow can carry: what it accepts, how it refuses, what that costs, how soon it is over."""

import http.client
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]

from deployments import environment
from loadtests.bench.load import Result
from loadtests.bench.messages import fresh
from loadtests.bench.phases import CONNECTIONS, checked, generate
from loadtests.bench.processes import owned
from loadtests.bench.servers import Server, Target, probe
from pipeline.errors import Unavailable

NORMAL, TIMES = 0.8, 3.0  #: shares of the capacity
REFUSALS = ("429", "503")
MOST_CONNECTIONS = 4_000
_EVERY_S = 0.1  # between two probes
_CALM = 10  # normal probes in a row that end the overload
_WATCH_S = 20.0  # after the load
_LATE_MS = 50.0  # a generator that is further behind (p99) offers less than it says


#: Stands above the figures where they are not the server's alone.
LATE = (
    "**The generator did not keep its schedule**: it lacked processor time or connections. Less than that load was "
    "offered, and the latencies hold its own delay; do not quote them."
)


class Probe(msgspec.Struct, frozen=True):
    at: float  #: Unix time of the send
    ms: float
    status: int  #: 0: no answer


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    setting: str
    capacity: float  #: single messages a second, 64 connections, closed loop
    seconds: float  #: of the overload
    normal: Result  #: open loop at NORMAL of the capacity
    overload: Result  #: open loop at TIMES the capacity
    memory_before: int  #: bytes resident, all processes of the server
    memory_after: int
    recovered_s: float | None  #: from the end of the load to normal answers; None: not while it was watched
    probes: list[Probe]


class Prober(threading.Thread):
    """Asks one message at a time, all along."""

    def __init__(self, target: Target, texts: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._target, self._texts = target, texts
        self._stop_asking = threading.Event()
        self.probes: list[Probe] = []

    def run(self) -> None:
        for text in self._texts:
            at, started = time.time(), time.perf_counter()
            try:
                status = probe(self._target, text)
            except (OSError, http.client.HTTPException):
                status = 0
            self.probes.append(Probe(at, 1000 * (time.perf_counter() - started), status))
            if self._stop_asking.wait(_EVERY_S):
                return

    def end(self) -> list[Probe]:
        self._stop_asking.set()
        self.join()
        return self.probes


def overload(server: Server, target: Target, texts: Sequence[str], seconds: float) -> Outcome:
    """Capacity, then normal traffic, then too much of it, then the wait for it to be over.

    Args:
        texts: distinct ones; their words in other orders make up what is missing.
        seconds: of each open loop.

    Raises:
        Unavailable: anything is answered otherwise than by 200, 429 and 503.
    """
    warm, measured = 300, 2_000
    checked(target, "warm-up", generate(target.plan(texts[:warm], CONNECTIONS)))
    closed = target.plan(texts[warm : warm + measured], CONNECTIONS)
    capacity = checked(target, "capacity", generate(closed)).rate
    counts = [int(share * capacity * seconds) for share in (NORMAL, TIMES)]
    probes = int((seconds + _WATCH_S + 60) / _EVERY_S)
    unseen = fresh(texts, warm + measured + sum(counts) + probes)[warm + measured :]
    steady, heavy = unseen[: counts[0]], unseen[counts[0] : sum(counts)]
    plan = target.plan(steady, MOST_CONNECTIONS, NORMAL * capacity)
    normal = generate(plan)
    _check(normal)
    before = memory(target)
    prober = Prober(target, unseen[sum(counts) :])
    prober.start()
    result = generate(target.plan(heavy, MOST_CONNECTIONS, TIMES * capacity))
    after = memory(target)
    time.sleep(_WATCH_S)
    found = prober.end()
    _check(result)
    return Outcome(
        setting=server.setting,
        capacity=capacity,
        seconds=seconds,
        normal=normal,
        overload=result,
        memory_before=before,
        memory_after=after,
        recovered_s=recovery(found, result.ended, normal.accepted.p99),
        probes=found,
    )


def recovery(probes: Sequence[Probe], ended: float, normal_ms: float) -> float | None:
    """Seconds from the end of the load to the first of `_CALM` normal probes in a row; None when there are not."""
    calm = 0
    after = [each for each in probes if each.at >= ended]
    for place, each in enumerate(after):
        calm = calm + 1 if each.status == 200 and each.ms <= normal_ms else 0
        if calm == _CALM:
            return after[place - _CALM + 1].at - ended
    return None


def memory(target: Target) -> int:
    """Bytes resident of all processes of the server: Ray's by their run folder, its backends as children."""
    state = json.loads((target.home / "server.json").read_text())
    run = Path(state["logs"]).parents[2]
    leader = psutil.Process(target.process.pid)
    found = {each.pid: each for each in [leader, *leader.children(recursive=True), *owned(environment.OWNER, str(run))]}
    return sum(_resident(each) for each in found.values())


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _check(result: Result) -> None:
    odd = set(result.timings) - {"200", *REFUSALS}
    if odd or result.errors:
        raise Unavailable(
            f"open loop: statuses {sorted(odd)} and errors {result.errors}; only 200, 429 and 503 may come"
        )


def render(outcome: Outcome, date: str, command: str) -> str:
    """The report in Markdown."""
    heavy, normal = outcome.overload, outcome.normal
    refused = {status: heavy.timings[status] for status in REFUSALS if status in heavy.timings}
    number = sum(each.count for each in refused.values())
    asked = sum(heavy.retry_after.get(status, 0) for status in refused)
    p99s = ", ".join(f"{each.p99:,.0f} ms ({status}, {each.count:,})" for status, each in refused.items()) or "none"
    recovered = "not while watched" if outcome.recovered_s is None else f"{outcome.recovered_s:.1f} s"
    lines = (
        ("capacity, closed loop, 64 connections", f"{outcome.capacity:,.0f} messages/s"),
        ("offered", f"{TIMES:.0f} times that, for {outcome.seconds:.0f} s: {heavy.requests:,} messages"),
        ("accepted", f"{heavy.answered / heavy.requests:.1%}, {heavy.rate:,.0f} messages/s"),
        ("accepted, p50 / p99", f"{heavy.accepted.p50:,.0f} / {heavy.accepted.p99:,.0f} ms"),
        (f"at {NORMAL:.0%} of the capacity, p50 / p99", f"{normal.accepted.p50:,.0f} / {normal.accepted.p99:,.0f} ms"),
        (f"refused at {NORMAL:.0%} of the capacity", f"{1 - normal.answered / normal.requests:.2%}"),
        ("refusals, p99", p99s),
        ("refusals with Retry-After", f"{asked:,} of {number:,}"),
        ("the same from the send: accepted p99; refusals p99", _from_send(heavy)),
        ("connections; generator behind its schedule, p99", f"{heavy.connections:,}; {heavy.late_p99_ms:,.0f} ms"),
        ("memory of all processes, before and after", _memory(outcome)),
        ("answers normal again after", recovered),
    )
    table = [f"| {name} | {value} |" for name, value in lines]
    head = f"{date}; {os.cpu_count()} cores with the load generator on them; Winnow {outcome.setting}; `{command}`."
    late = [] if heavy.late_p99_ms <= _LATE_MS else ["", LATE]
    return "\n".join(["# Winnow under three times its capacity", "", head, *late, "", "| | |", "|---|---|", *table, ""])


def _from_send(result: Result) -> str:
    parts = {status: each for status, each in result.from_send.items() if status in ("200", *REFUSALS)}
    return "; ".join(f"{each.p99:,.0f} ms ({status})" for status, each in parts.items())


def _memory(outcome: Outcome) -> str:
    return f"{outcome.memory_before / 2**20:,.0f} MiB, {outcome.memory_after / 2**20:,.0f} MiB"
