"""The plot of an experiment: what its labels and requests said, bucket by bucket. matplotlib draws it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.confidence import rate
from pipeline.evidence import Count
from pipeline.findings import Point, Report
from pipeline.trial import Question
from training.evaluation.plots import require

_WIDTH, _HEIGHT = 10.0, 2.9  #: of one row, inches
_DPI = 110
_CONTROL, _TREATMENT, _PALE = "#22577a", "#c8553d", "#8a8a8a"
_LEAST, _MOST = 1e-2, 1e6  #: e-values beyond these are drawn at the edge
#: Of every question the share that is drawn.
_RATES: dict[Question, str] = {
    "false alarms": "false alarms among messages labelled negative, %",
    "recall": "recognised among messages labelled positive, %",
    "failures": "senders, recipients or messages that failed, each once a minute, %",
}


class _Row(NamedTuple):
    control: str
    treatment: str
    question: Question
    points: Sequence[Point]


def draw(report: Report, path: Path) -> None:
    """Write a PNG with a row for each treatment and question: rates with always-valid intervals, and the e-value.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    rows = list(_rows(report))
    sheet = require()(figsize=(_WIDTH, _HEIGHT * max(1, len(rows)) + 0.5), dpi=_DPI, layout="constrained")
    sheet.suptitle(f"Experiment of {report.task}, revision {report.revision}")
    if not rows:
        sheet.text(0.5, 0.5, "no bucket of labels or requests has closed yet", ha="center", va="center")
    else:
        for row, (left, right) in zip(rows, sheet.subplots(len(rows), 2, squeeze=False), strict=True):
            _rates(left, row, report.alpha)
            _evidence(right, row, report)
            _dates(left, right)
    sheet.savefig(path)


def _rows(report: Report) -> Iterator[_Row]:
    for compared in report.compared:
        for series in compared.series:
            if series.points:
                yield _Row(report.control.arm, compared.treatment.arm, series.question, series.points)


def _rates(axes: Any, row: _Row, alpha: float) -> None:
    for name, colour, counts in (
        (row.control, _CONTROL, [point.control for point in row.points]),
        (row.treatment, _TREATMENT, [point.treatment for point in row.points]),
    ):
        known = [
            (_time(point), _shown(count, row.question))
            for point, count in zip(row.points, counts, strict=True)
            if count.rows
        ]
        if not known:
            continue
        times = [time for time, _ in known]
        axes.plot(times, [100 * count.events / count.rows for _, count in known], color=colour, label=name, marker=".")
        if row.question != "failures":  # they come in clumps
            intervals = [tuple(100 * end for end in rate(count, alpha)) for _, count in known]
            axes.fill_between(times, *zip(*intervals, strict=True), color=colour, alpha=0.15, linewidth=0)
    axes.set_title(_RATES[row.question], fontsize="medium", loc="left")
    if axes.lines:
        axes.legend(frameon=False, fontsize="small")


def _evidence(axes: Any, row: _Row, report: Report) -> None:
    values = [min(_MOST, max(_LEAST, point.e_value)) for point in row.points]
    axes.plot([_time(point) for point in row.points], values, color=_TREATMENT, marker=".")
    axes.set_yscale("log")
    axes.set_ylim(min(0.1, *values) / 2, max(2 * report.stops_at, *values) * 2)
    lines = (
        (1 / report.alpha, "--", f"{1 / report.alpha:.0f}: the report claims a difference"),
        (report.stops_at, "-", f"{report.stops_at:.0f}: a guardrail stops, one-sided"),
    )
    for value, style, label in lines:
        axes.axhline(value, color=_PALE, linestyle=style, linewidth=1, label=label)
    axes.set_title(f"e-value of a difference, {row.treatment} and {row.control}", fontsize="medium", loc="left")
    axes.legend(frameon=False, fontsize="small", loc="best")


def _dates(*sides: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    for axes in sides:
        locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize="small")


def _shown(count: Count, question: Question) -> Count:
    """Misses are told as recall."""
    return Count(count.rows - count.events, count.rows) if question == "recall" else count


def _time(point: Point) -> datetime:
    return datetime.fromtimestamp(point.until, UTC)
