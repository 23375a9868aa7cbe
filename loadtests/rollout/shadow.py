"""What a shadow costs the live path: no experiment, an experiment, the same with a shadow, in turns."""

import asyncio
import os
import random
import statistics
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

import aiohttp
import msgspec

from deployments.client import Client
from loadtests.bench.load import Plan, Result
from loadtests.bench.overload import LATE
from loadtests.bench.phases import CONNECTIONS, checked, generate
from loadtests.bench.servers import COMPLETE, Target
from loadtests.messages import Messages
from loadtests.rollout.operator import TASK, ready
from loadtests.rollout.site import Site
from loadtests.rollout.versions import FIRST, SOURCE
from pipeline.errors import NotFound
from pipeline.orders import ExperimentRequest

AIM_MS = 1.0
_LATE_MS = 10.0  #: a generator that is further behind (p99) measures itself
LOAD = 0.4  #: share of the capacity that is offered
_WARM, _CAPACITY = 500, 3_000  #: messages
_MOST_CONNECTIONS = 500
_SETTLE_S = 3.0  #: until a change is live everywhere
_QUIET_S = 1.0  #: without another copy: the shadow pauses for less between two batches

Setting = Literal["no experiment", "experiment", "shadow"]
SETTINGS: tuple[Setting, ...] = ("no experiment", "experiment", "shadow")
#: All traffic for one version, as before, and another one loaded beside it: what differs is the copies alone.
_ASKED: dict[Setting, ExperimentRequest] = {
    "experiment": ExperimentRequest({FIRST: 1.0, SOURCE: 0.0}, why="shadow's cost"),
    "shadow": ExperimentRequest({FIRST: 1.0}, why="shadow's cost", shadow={SOURCE: 1.0}),
}


class Slice(msgspec.Struct, frozen=True):
    """Some seconds in one setting."""

    setting: Setting
    result: Result
    seen: int  #: copies that the shadow was given
    dropped: int  #: copies that found its queue full


class Cost(msgspec.Struct, frozen=True):
    capacity: float  #: single messages a second, closed loop
    rate: float  #: offered
    rounds: list[list[Slice]]  #: in the order of `SETTINGS`


def measure(site: Site, rounds: int, seconds: float, tell: Callable[[str], None]) -> Cost:
    """
    Args:
        site: a server as shipped whose store holds `SOURCE`.
        seconds: of each slice.
        tell: hears of each slice.
    """
    messages = Messages(10_000, random.randrange(1_000_000))
    target = Target(
        port=site.port,
        path="/v1/classify",
        headers={"Authorization": f"Bearer {site.key}"},
        is_winnow=True,
        process=site.process,
        home=site.workshop,
    )

    def plan(count: int, connections: int, rate: float | None = None) -> Plan:
        examples = [messages.next() for _ in range(count)]
        bodies = [msgspec.json.encode({"text": each.text, "sender": each.sender}).decode() for each in examples]
        empty = target.plan([], connections, rate)
        return msgspec.structs.replace(empty, bodies=bodies, marker=COMPLETE, seed=random.randrange(1_000_000))

    checked(target, "warm-up", generate(plan(_WARM, CONNECTIONS)))
    capacity = checked(target, "capacity", generate(plan(_CAPACITY, CONNECTIONS))).rate
    rate = LOAD * capacity
    found: list[list[Slice]] = []
    for number in range(1, rounds + 1):
        found.append([])
        for setting in SETTINGS:
            asyncio.run(_set(site, setting))
            before = asyncio.run(_drained(site))
            result = checked(target, setting, generate(plan(int(rate * seconds), _MOST_CONNECTIONS, rate)))
            seen, dropped = (after - then for after, then in zip(asyncio.run(_drained(site)), before, strict=True))
            found[-1].append(Slice(setting, result, seen, dropped))
            p50, p99 = result.accepted.p50, result.accepted.p99
            tell(
                f"round {number}, {setting}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {seen} copies seen, {dropped} dropped"
            )
    return Cost(capacity, rate, found)


async def _set(site: Site, setting: Setting) -> None:
    async with Client(site.url, site.key) as client:
        if asked := _ASKED.get(setting):
            await client.put_experiment(TASK, asked)
            await ready(client, (*asked.arms, *asked.shadow))
        else:
            with suppress(NotFound):  # in the first round there is none
                await client.end_experiment(TASK, why="shadow's cost")
    await asyncio.sleep(_SETTLE_S)


async def _drained(site: Site) -> tuple[int, int]:
    """`_copies`, once the shadow has nothing left to do: its queue outlasts the traffic."""
    before, now = None, await _copies(site)
    while now != before:
        await asyncio.sleep(_QUIET_S)
        before, now = now, await _copies(site)
    return now


async def _copies(site: Site) -> tuple[int, int]:
    """Copies that the shadow was given, and that were dropped, since the start."""
    headers = {"Authorization": f"Bearer {site.key}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{site.url}/metrics") as response:
        lines = (await response.text()).splitlines()

    def total(sample: str) -> int:
        return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(sample)))

    return total('winnow_batch_size_sum{lane="shadow"}'), total('winnow_dropped_total{lane="shadow"')


def differences(cost: Cost, percentile: str, one: Setting, other: Setting) -> list[float]:
    """Milliseconds by which `other` is slower than `one`, of each round."""
    places = SETTINGS.index(one), SETTINGS.index(other)
    pairs = ([getattr(each[place].result.accepted, percentile) for place in places] for each in cost.rounds)
    return [slow - fast for fast, slow in pairs]


def render(cost: Cost, date: str, command: str) -> str:
    """The report in Markdown."""
    head = (
        f"{date}; {os.cpu_count()} cores with the load generator on them; Winnow as shipped; capacity "
        f"{cost.capacity:,.0f} messages/s, offered {LOAD:.0%} of it, as a Poisson process; {len(cost.rounds)} rounds; "
        f"`{command}`."
    )
    late = max(each.result.late_p99_ms for row in cost.rounds for each in row)
    table = ["| setting | p50 ms | p99 ms | copies seen | copies dropped |", "|---|---:|---:|---:|---:|"]
    for place, setting in enumerate(SETTINGS):
        slices = [row[place] for row in cost.rounds]
        p50, p99 = (_spread([getattr(each.result.accepted, name) for each in slices]) for name in ("p50", "p99"))
        seen, dropped = sum(each.seen for each in slices), sum(each.dropped for each in slices)
        table.append(f"| {setting} | {p50} | {p99} | {seen:,} | {dropped:,} |")
    pairs: Sequence[tuple[Setting, Setting]] = (("no experiment", "experiment"), ("experiment", "shadow"))
    lines = [
        f"- {other} − {one}: p50 {_spread(differences(cost, 'p50', one, other), '+.2f')} ms, "
        f"p99 {_spread(differences(cost, 'p99', one, other), '+.2f')} ms"
        for one, other in pairs
    ]
    notes = [
        f"Median of the rounds, least and most in brackets; differences are taken within a round. Aim: a shadow costs "
        f"less than {AIM_MS:g} ms of p99. The generator was at most {late:.1f} ms (p99) behind its schedule.",
    ]
    warning = [LATE, ""] if late > _LATE_MS else []
    return "\n".join(["# What a shadow costs", "", head, "", *warning, *table, "", *lines, "", *notes, ""])


def _spread(values: Sequence[float], form: str = ".2f") -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} … {max(values):{form}})"
