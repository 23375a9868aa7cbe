"""Plots of a report as PNG files. matplotlib is imported when the first one is drawn: nothing else needs it."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ConfigError
from pipeline.types import INTENTS
from training.evaluation.judged import Judged, answered, columns
from training.evaluation.results import Disguised, Group, IntentFigures, SetResult, TaskFigures

Draw = Callable[[Any], None]  #: draws on the axes that it is given

_SIZE = (6.4, 4.2)  #: inches
_DPI = 110
_KINDS = 25
_LEAST_FPR = 1e-4  #: left end of the ROC's logarithmic axis
_INK, _PALE, _WARM = "#22577a", "#9bb8c9", "#c8553d"


def require() -> Any:
    """`matplotlib.figure.Figure`, which draws without a display.

    Raises:
        ConfigError: matplotlib is not installed; says how to install it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            "a report has plots, and matplotlib is not installed: `pip install matplotlib`, or `make .venv/bin/.dev`"
        ) from None
    return Figure


def draw(result: SetResult, judged: Sequence[Judged], folder: Path) -> dict[str, str]:
    """Write the plots of a set to `folder` and say their names: what a plot shows to its file."""
    paper = require()
    drawn: dict[str, str] = {}
    for what, size, picture in _pictures(result, answered(judged)):
        file = f"{_slug(result.name)}_{_slug(what)}.png"
        sheet = paper(figsize=size, dpi=_DPI, layout="constrained")
        axes = sheet.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        picture(axes)
        sheet.savefig(folder / file)
        drawn[what] = file
    return drawn


def _pictures(result: SetResult, judged: Sequence[Judged]) -> Iterator[tuple[str, tuple[float, float], Draw]]:
    for task in result.tasks:
        if 0 < task.positives < task.rows:
            yield f"roc {task.task}", _SIZE, partial(_roc, task=task, judged=judged)
            yield f"reliability {task.task}", _SIZE, partial(_reliability, task=task)
    if kinds := [group for group in result.groups if group.by == "kind" and group.false_alarms][:_KINDS]:
        yield "kinds", (7.5, 1.2 + 0.28 * len(kinds)), lambda axes: _kinds(axes, kinds)
    if (intents := result.intents) and intents.otps:
        yield "intents", (8.0, 6.2), lambda axes: _intents(axes, intents)
    if result.robustness:
        yield "robustness", _SIZE, lambda axes: _robustness(axes, result.robustness)


def _roc(axes: Any, task: TaskFigures, judged: Sequence[Judged]) -> None:
    """Recall against FPR, the left end stretched: a filter lives below one in a hundred."""
    cells = columns(judged, task.task).scored
    order = np.argsort(-cells.scores, kind="stable")
    scores, labels = cells.scores[order], cells.labels[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # equal scores are one step
    fpr = np.cumsum(~labels)[last] / max(1, np.sum(~labels))
    recall = np.cumsum(labels)[last] / max(1, np.sum(labels))
    axes.step(np.maximum(np.append(0.0, fpr), _LEAST_FPR), np.append(0.0, recall), where="post", color=_INK)
    for rate, found in task.recall_at_fpr.items():
        if found.value is not None and found.interval is not None:
            axes.vlines(float(rate), *found.interval, color=_WARM)
            axes.plot(float(rate), found.value, "o", color=_WARM)
    if task.fpr.value is not None and task.recall.value is not None:
        axes.plot(max(task.fpr.value, _LEAST_FPR), task.recall.value, "D", color="black", label="decision in force")
        axes.legend(loc="lower right", frameon=False)
    axes.set(
        xscale="log", xlim=(_LEAST_FPR, 1.0), ylim=(0.0, 1.02),
        xlabel="false-positive rate (left edge: 0.01 % or less)",
        ylabel="recall", title=f"{task.task}: recall at each false-positive rate",
    )  # fmt: skip


def _reliability(axes: Any, task: TaskFigures) -> None:
    """What the score said against what came true; numbers are rows."""
    said, came_true = [each.confidence for each in task.bins], [each.frequency for each in task.bins]
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.plot(said, came_true, "o-", color=_INK)
    for each in task.bins:
        at = (each.confidence, each.frequency)
        axes.annotate(str(each.rows), at, textcoords="offset points", xytext=(6, -10), fontsize=7)
    title = f"{task.task}: reliability, ECE {task.ece:.4f}"
    axes.set(xlim=(-0.03, 1.08), ylim=(-0.06, 1.06), xlabel="mean score", ylabel="share that is positive", title=title)


def _kinds(axes: Any, kinds: Sequence[Group]) -> None:
    rows = list(reversed(kinds))
    places = np.arange(len(rows))
    harmed = [100 * row.false_alarms / row.legitimate for row in rows]
    blocked = [100 * row.blocked_legitimate / row.legitimate for row in rows]
    axes.barh(places, harmed, color=_PALE, label="called spam or phishing")
    axes.barh(places, blocked, color=_WARM, label="blocked")
    axes.set_yticks(places, [f"{row.name} ({row.false_alarms} of {row.legitimate})" for row in rows], fontsize=8)
    axes.set(xlabel="% of the legitimate messages of that kind", title="False alarms by kind")
    axes.legend(loc="lower right", frameon=False)


def _intents(axes: Any, found: IntentFigures) -> None:
    counts = np.asarray(found.confusion)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for truth, said in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[truth, said] > 0.5 else "black"
        axes.text(said, truth, str(counts[truth, said]), ha="center", va="center", fontsize=8, color=colour)
    names = [name.removesuffix("_OTP").replace("_", " ").lower() for name in INTENTS]
    names[0] = "not otp"
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set(xlabel="answer", ylabel="truth", title=f"Intent: macro-F1 {found.macro_f1:.3f}")


def _robustness(axes: Any, rows: Sequence[Disguised]) -> None:
    places, width = np.arange(len(rows)), 0.28
    added = [100 * row.added_false_alarms / row.legitimate if row.legitimate else 0.0 for row in rows]
    for shift, colour, label, values in (
        (-width, _PALE, "spam caught, plain", [100 * (row.plain_recall or 0.0) for row in rows]),
        (0.0, _INK, "spam caught, disguised", [100 * (row.recall or 0.0) for row in rows]),
        (width, _WARM, "legitimate: false alarms added", added),
    ):
        bars = axes.bar(places + shift, values, width, color=colour, label=label)
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
    axes.set_xticks(places, [row.way for row in rows])
    axes.set(ylim=(0, 116), yticks=range(0, 101, 20), ylabel="%", title="Disguises")
    axes.legend(loc="upper center", ncols=3, frameon=False, fontsize=7)


def _slug(name: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in name).strip("-").lower() or "set"
