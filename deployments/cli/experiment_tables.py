"""Experiments, their trail and their reports for a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from deployments.cli.output import out, show
from pipeline.findings import ArmFigures, Compared, Finding, RampFigures, Report, ShadowFigures, Share
from pipeline.orders import Listed
from pipeline.routing import Experiment
from pipeline.trail import ExperimentChange
from pipeline.wording import e_value, percent

_ARM_COLUMNS = ("task", "revision", "sticky by", "version", "traffic", "part")


def show_experiments(experiments: Sequence[Listed]) -> None:
    if not experiments:
        out.print("no experiment runs: the default versions answer everything")
        return
    rows = [(*row, each.states.get(row[3], "")) for each in experiments for row in _arms(each)]
    show((*_ARM_COLUMNS, "state"), rows, numbers=("revision", "traffic"))


def show_change(experiment: Experiment) -> None:
    """What a change came to."""
    if not experiment.arms:
        out.print(f"{experiment.task}: the default version answers everything, revision {experiment.revision}")
        return
    show(_ARM_COLUMNS, _arms(experiment), numbers=("revision", "traffic"))


def show_history(changes: Iterable[ExperimentChange]) -> None:
    columns = ("revision", "changed", "by", "what", "traffic", "sticky by", "why")
    show(columns, map(_change, changes), numbers=("revision",))


def show_report(report: Report) -> None:
    """Figures of each arm, then what they mean, in words."""
    columns = ("version", "messages", "failed", "p99 ms", "false alarms", "of", "recall", "of")
    arms = [report.control, *(each.treatment for each in report.compared)]
    show(columns, map(_figures, arms), numbers=columns[1:])
    for compared in report.compared:
        out.print(f"\n{compared.treatment.arm} against {report.control.arm}\n")
        _show_findings(compared)
    if not report.compared:
        out.print(f"\nnothing is compared with {report.control.arm}")
    if report.ramp:
        _show_ramp(report.ramp)
    if report.shadows:
        _show_shadows(report.shadows)


def _show_findings(compared: Compared) -> None:
    columns = ("question", "verdict", "e-value", "difference, points")
    show(columns, map(_finding, compared.findings), numbers=("e-value",))


def _show_shadows(shadows: Iterable[ShadowFigures]) -> None:
    """ "Yes" is spam, phishing, a one-time password, or the purpose that was named."""
    out.print()
    columns = ("shadow", "copies", "failed", "it alone said yes", "the answer alone said yes")
    show(columns, map(_shadow, shadows), numbers=columns[1:])


def _show_ramp(ramp: RampFigures) -> None:
    since = datetime.fromtimestamp(ramp.since, UTC)
    share = f"{100 * ramp.shares[ramp.step]:.4g}% since {since:%Y-%m-%d %H:%M} UTC"
    out.print(f"\nramp of {ramp.version}: step {ramp.step + 1} of {len(ramp.shares)}, {share}; {ramp.outlook}")


def _arms(experiment: Experiment) -> Iterator[tuple[str, ...]]:
    """A row a version: those with the most traffic first, then shadows."""
    total = sum(experiment.arms.values()) or 1.0
    head = (experiment.task, str(experiment.revision), experiment.sticky_by)
    for ref, weight in sorted(experiment.arms.items(), key=lambda item: (-item[1], item[0])):
        yield *head, ref, f"{100 * weight / total:.4g}%", _part(experiment, ref)
    for ref, share in experiment.shadow.items():
        yield *head, ref, "0%", f"shadow, sees a copy of {100 * share:.4g}%"


def _part(experiment: Experiment, ref: str) -> str:
    if ref == experiment.control:
        return "control"
    ramp = experiment.ramp
    if ramp and ramp.version == ref:
        return f"ramp, step {ramp.step + 1} of {len(ramp.steps)}"
    return f"compared since revision {experiment.began[ref]}" if ref in experiment.began else ""


def _change(change: ExperimentChange) -> tuple[str, ...]:
    when, after = f"{change.changed_at:%Y-%m-%d %H:%M:%S}", change.after
    shares = _shares(after.arms) or "-"
    return str(change.revision), when, change.changed_by, change.act, shares, after.sticky_by, change.why


def _shares(arms: dict[str, float]) -> str:
    """ "distilbert/4 90%, distilbert/3 10%", largest first."""
    total = sum(arms.values()) or 1.0
    ranked = sorted(arms.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{ref} {100 * weight / total:.4g}%" for ref, weight in ranked)


def _figures(arm: ArmFigures) -> tuple[str, ...]:
    p99 = "-" if arm.p99_ms is None else f"{arm.p99_ms:.0f}"
    rates = (_rate(arm.fpr), str(arm.fpr.rows), _rate(arm.recall), str(arm.recall.rows))
    return arm.arm, f"{arm.exposures:,}", _rate(arm.failures), p99, *rates


def _rate(share: Share) -> str:
    """ "1.1 % (0.4-2.9)"; the interval, where there is one, in percent as well."""
    if share.value is None:
        return "-"
    if share.interval is None:
        return percent(share.value)
    low, high = share.interval
    return f"{percent(share.value)} ({100 * low:.1f}-{100 * high:.1f})"


def _shadow(shadow: ShadowFigures) -> tuple[str, ...]:
    counts = (shadow.exposures, shadow.failures, shadow.only_shadow, shadow.only_live)
    return shadow.arm, *(f"{count:,}" for count in counts)


def _finding(finding: Finding) -> tuple[str, ...]:
    gap = "-" if finding.gap is None else " to ".join(f"{100 * end:+.1f}" for end in finding.gap)
    return finding.question, finding.verdict, e_value(finding.e_value), gap
