"""The figures as tables: medians over rounds, and how they compare with the bare loop and the best peer."""

import os
import platform
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median

import msgspec

from loadtests.bench import bare
from loadtests.bench.phases import Measurement

#: A peer's two rows; each shows the faster of its worker counts.
_WAYS = ("batches", "no batching")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One server with one setting in one phase: medians over rounds."""

    server: str
    setting: str
    phase: str
    messages: float
    p50: float | None
    p95: float | None
    p99: float | None
    rounds: int

    @property
    def is_peer(self) -> bool:
        return self.server not in ("Winnow", bare.NAME)


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Where the figures come from."""

    date: str
    cores: int
    processor: str
    command: str
    rounds: int
    versions: dict[str, str]


def rows(measurements: Iterable[Measurement]) -> list[Row]:
    """Medians at the machine's median speed, in the order in which things were first measured."""
    measurements = _steadied(list(measurements))
    groups: dict[tuple[str, str, str], list[Measurement]] = defaultdict(list)
    for each in measurements:
        groups[each.server, each.setting, each.phase].append(each)
    return [
        Row(
            server=server,
            setting=setting,
            phase=phase,
            messages=median(each.messages for each in group),
            p50=_median(each.p50 for each in group),
            p95=_median(each.p95 for each in group),
            p99=_median(each.p99 for each in group),
            rounds=len(group),
        )
        for (server, setting, phase), group in groups.items()
    ]


def _steadied(measurements: list[Measurement]) -> list[Measurement]:
    """What would have been measured on a machine that is always as fast as this one was at the median."""
    usual = median(each.speed for each in measurements) if measurements else 1.0
    return [_at_speed(each, each.speed / usual) for each in measurements]


def _at_speed(measured: Measurement, factor: float) -> Measurement:
    times = {name: value * factor for name in ("p50", "p95", "p99") if (value := getattr(measured, name)) is not None}
    return msgspec.structs.replace(measured, messages=measured.messages / factor, **times)


def of_phase(table: Sequence[Row], phase: str) -> list[Row]:
    """Winnow's rows and two of each peer: batched and not, each with the worker count that is faster in this phase."""
    kept: dict[tuple[str, str], Row] = {}
    for row in table:
        if row.phase == phase:
            way = next((way for way in _WAYS if row.setting.startswith(way)), row.setting)
            best = kept.get((row.server, way))
            if best is None or row.messages > best.messages:
                kept[row.server, way] = row
    return list(kept.values())


def best_peer(table: Sequence[Row], phase: str) -> Row | None:
    """The fastest row of any peer."""
    peers = [row for row in table if row.phase == phase and row.is_peer]
    return max(peers, key=lambda row: row.messages, default=None)


def render(table: Sequence[Row], about: About) -> str:
    """The whole report in Markdown."""
    return "\n".join(
        [
            "# Winnow, the bare model loop, and other servers of the same model",
            "",
            f"{about.date}; {about.cores} cores ({about.processor}), the load generator on the same ones; "
            f"medians of {about.rounds} round{'s'[: about.rounds - 1]}; `{about.command}`.",
            "",
            "Every message of a phase is a distinct UCI text, so no cache helps, except in the campaign. Peers run the "
            "transformer alone; Winnow also normalises, authenticates, and runs rules and trees, for spam, phishing, "
            "one-time passwords and intent. Ratios compare messages a second. The machine's speed changes by the "
            "minute; the bare loop is measured just before and after each phase, and figures are what they would have "
            "been at the median speed.",
            "",
            "## The bare loop: one process, one thread, no server",
            "",
            *_bare(table),
            "",
            *_servers(table, "single", "One message a request, 64 connections"),
            *_servers(table, "one", "One message a request, one at a time"),
            *_servers(table, "bulk", "Winnow in bulk: 500 messages a request, 2 at once (milliseconds a request)"),
            *_servers(table, "campaign", "A campaign: few texts sent over and over, 64 connections"),
            "## Versions",
            "",
            ", ".join(f"{name} {version}" for name, version in about.versions.items()),
            "",
        ]
    )


def _bare(table: Sequence[Row]) -> list[str]:
    lines = ["| what | batch | messages/s |", "|---|---|---|"]
    sizes = {bare.NET_ONE: 1}
    return lines + [
        f"| {row.setting} | {sizes.get(row.setting, bare.BATCH)} | {row.messages:,.0f} |"
        for row in of_phase(table, "bare")
    ]


def _servers(table: Sequence[Row], phase: str, title: str) -> list[str]:
    """One section; nothing when the phase was not measured."""
    chosen = of_phase(table, phase)
    if not chosen:
        return []
    # A campaign is Winnow's alone: to a peer without a cache it is the same as distinct messages.
    peer = best_peer(table, "one" if phase == "one" else "single")
    loop = {row.setting: row.messages for row in table if row.phase == "bare"}
    lines = [
        f"## {title}",
        "",
        "| server | setting | messages/s | p50 / p95 / p99 ms | of best peer | of tokenizer and transformer | of all |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in chosen:
        ratios = (peer.messages if peer else None, loop.get(bare.NET), loop.get(bare.ALL))
        cells = " | ".join(_ratio(row.messages, base) for base in ratios)
        times = " / ".join(f"{each:,.1f}" for each in (row.p50, row.p95, row.p99) if each is not None)
        lines.append(f"| {row.server} | {row.setting} | {row.messages:,.0f} | {times} | {cells} |")
    if peer:
        lines += ["", f"Best peer: {peer.server}, {peer.setting}."]
    return [*lines, ""]


def _ratio(value: float, base: float | None) -> str:
    return f"{value / base:.2f}" if base else ""


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def about(date: str, command: str, number: int, peers_env: Path) -> About:
    """This machine and what is installed, here and in the peers' environment."""
    here = {name: metadata.version(name) for name in ("ray", "fastapi", "uvicorn", "onnxruntime", "tokenizers")}
    site = [str(path) for path in peers_env.glob("lib/python*/site-packages")]
    there = {each.metadata["Name"].lower(): each.version for each in metadata.distributions(path=site)} if site else {}
    versions: dict[str, str] = {name: there[name] for name in ("mosec", "litserve", "bentoml") if name in there}
    return About(
        date=date,
        cores=os.cpu_count() or 1,
        processor=_processor(),
        command=command,
        rounds=number,
        versions={"Python": platform.python_version(), **here, **versions},
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
