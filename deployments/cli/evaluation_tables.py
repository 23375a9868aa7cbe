"""The figures of an evaluation set for a terminal."""

from collections.abc import Iterator, Mapping

from deployments.cli.output import err, out, show
from training.evaluation.results import Group, Quality, SetResult, TaskFigures, Traffic
from training.intervals import Figure

_KINDS = 12  #: kinds with false alarms that are shown


def show_result(found: SetResult) -> None:
    """Tables to stdout, remarks to stderr."""
    out.print(f"{found.name}: {found.rows} messages, {found.positives} of them spam. 95 % intervals in brackets.\n")
    for table in (_qualities, _tasks, _intents, _kinds, _traffics):
        table(found)
    for note in _notes(found):
        err.print(note)


def _qualities(found: SetResult) -> None:
    columns = ("called spam", "accuracy %", "FPR %", "recall %", "MCC", "TP", "FP", "FN", "TN")
    show(columns, map(_quality, found.quality), numbers=columns[1:])
    out.print()


def _quality(each: Quality) -> tuple[str, ...]:
    shares = [with_interval(figure, 100, 2) for figure in (each.accuracy, each.fpr, each.recall)]
    counts = each.confusion
    cells = (counts.true_positive, counts.false_positive, counts.false_negative, counts.true_negative)
    return each.decision, *shares, with_interval(each.mcc, 1, 4), *map(str, cells)


def _tasks(found: SetResult) -> None:
    """Scores of all tasks, and decisions of those that the first table does not tell of."""
    if not found.tasks:
        return
    columns = ("task", "rows", "positive", "accuracy %", "FPR %", "recall %", "F1", "recall % at 0.1 % FPR",
               "at 0.5 %", "ECE", "precision % in traffic")  # fmt: skip
    show(columns, map(_task, found.tasks), numbers=columns[1:])
    out.print()


def _task(each: TaskFigures) -> tuple[str, ...]:
    shares = [with_interval(figure, 100, 2) for figure in (each.accuracy, each.fpr, each.recall)]
    recalls = [with_interval(figure, 100, 1) for figure in each.recall_at_fpr.values()]
    traffic = f"{with_interval(each.precision_in_traffic, 100, 1)} at {100 * (each.prevalence or 0):g} %"
    numbers = (rounded(each.f1, 3), *recalls, rounded(each.ece, 4))
    return (
        each.task,
        str(each.rows),
        str(each.positives),
        *shares,
        *numbers,
        traffic if each.precision_in_traffic.interval else "-",
    )


def _intents(found: SetResult) -> None:
    if (each := found.intents) and each.otps:
        out.print(
            f"intent: {with_interval(each.otp_accuracy, 100, 2)} % right of {each.otps} one-time passwords, "
            f"{with_interval(each.accuracy, 100, 2)} % of all {each.rows}; macro-F1 {each.macro_f1:.3f}\n"
        )


def _kinds(found: SetResult) -> None:
    """Legitimate kinds that were harmed."""
    harmed = [group for group in found.groups if group.by == "kind" and group.false_alarms]
    if harmed:
        columns = ("legitimate kind", "messages", "called spam or phishing", "%", "blocked")
        show(columns, map(_kind, harmed[:_KINDS]), numbers=columns[1:])
        if len(harmed) > _KINDS:
            out.print(f"{len(harmed) - _KINDS} more kinds with false alarms; --report lists them")
        out.print()


def _kind(group: Group) -> tuple[str, ...]:
    share = f"{100 * group.false_alarms / group.legitimate:.1f}"
    return group.name, str(group.legitimate), str(group.false_alarms), share, str(group.blocked_legitimate)


def _traffics(found: SetResult) -> None:
    columns = ("sent", "messages", "failed", "messages/s", "p50 ms", "p95 ms", "p99 ms", "answered from", "decided by")
    show(columns, map(_traffic, found.traffic), numbers=columns[1:7])
    out.print()


def _traffic(each: Traffic) -> tuple[str, ...]:
    latencies = [f"{each.latency_ms[name]:.1f}" for name in ("p50", "p95", "p99")]
    numbers = (str(each.messages), str(sum(each.failed.values())), f"{each.messages_per_s:.0f}", *latencies)
    return each.name, *numbers, listed(each.cache), listed(each.decided_by)


def _notes(found: SetResult) -> Iterator[str]:
    """What a reader of the figures must know."""
    for each in found.traffic:
        if each.from_cache:
            yield f"{each.name}: {each.from_cache} answers came from a cache; its speed is not that of the models"
        if each.failed:
            yield f"{each.name}: failed messages count in no figure: {listed(each.failed)}"
        if each.degraded:
            yield f"{each.name}: answers that lack a stage: {listed(each.degraded)}"
    if found.differing:
        yield f"{found.differing} messages were decided differently when they were sent again"


def with_interval(figure: Figure, scale: float, digits: int) -> str:
    if figure.value is None or figure.interval is None:
        return "-"
    low, high = (scale * end for end in figure.interval)
    return f"{scale * figure.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def rounded(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
