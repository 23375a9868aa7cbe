"""One picture: messages a second and latency of every server, one message a request, 64 connections."""

from collections.abc import Sequence
from pathlib import Path

from loadtests.bench import bare
from loadtests.bench.report import Row, of_phase
from pipeline.errors import ConfigError

_WINNOW, _PEER, _LOOP = "#1b6ca8", "#9aa5b1", "#c0392b"


def draw(table: Sequence[Row], path: Path) -> None:
    """
    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError("the plot needs matplotlib: make check installs it (requirements/dev.txt)") from None
    rows = sorted(of_phase(table, "single"), key=lambda row: row.messages)
    names = [f"{row.server}\n{row.setting}" for row in rows]
    colours = [_PEER if row.is_peer else _WINNOW for row in rows]
    figure = Figure(figsize=(12, 1.2 + 0.55 * len(rows)), layout="constrained")
    speed, latency = figure.subplots(1, 2, sharey=True)
    bars = speed.barh(names, [row.messages for row in rows], color=colours)
    speed.bar_label(bars, fmt="{:,.0f}", padding=3)
    limit = next((row.messages for row in table if row.phase == "bare" and row.setting == bare.NET), None)
    if limit:
        speed.axvline(limit, color=_LOOP, linestyle="--", label=f"bare {bare.NET}: {limit:,.0f}")
        speed.legend(loc="lower right")
    speed.set_xlabel("messages/s (more is better)")
    speed.tick_params(axis="y", labelsize=8)
    latency.barh(names, [row.p99 or 0 for row in rows], color=colours, alpha=0.45, label="p99")
    latency.barh(names, [row.p50 or 0 for row in rows], color=colours, label="p50")
    for place, row in enumerate(rows):
        latency.annotate(f" {row.p50 or 0:,.0f} / {row.p99 or 0:,.0f}", (row.p99 or 0, place), va="center", fontsize=8)
    latency.set_xlabel("ms: p50 (full), p99 (pale); less is better")
    for panel in (speed, latency):
        panel.margins(x=0.15)
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle("One message a request, 64 connections, every text distinct")
    figure.savefig(path, dpi=130)
