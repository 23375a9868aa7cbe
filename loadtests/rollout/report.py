"""The report of a rollout in Markdown."""

import os
from collections.abc import Mapping

from loadtests.ledger import LIVE_S
from loadtests.rollout.outcome import Death, Outcome, Phase
from loadtests.rollout.versions import MUST_NOT_ANSWER

_FIRST = "no experiment"  #: the phase that others are held against


def render(outcome: Outcome, date: str, command: str) -> str:
    broken = outcome.broken()
    verdicts = sum(phase.timing.count for phase in outcome.phases)
    head = (
        f"{date}; {os.cpu_count()} cores with everything on them, the callers too; {outcome.callers} callers, "
        f"{outcome.rate:g} messages a second offered, every message through its arm's transformer; `{command}`."
    )
    found = "**All of it holds.**" if not broken else "**Does not hold:**\n" + "\n".join(f"- {each}" for each in broken)
    parts = (
        "# A rollout under load",
        head,
        found,
        _facts(outcome, verdicts),
        "## Step by step",
        _phases(outcome),
        "## What the operator did",
        _changes(outcome),
    )
    return "\n\n".join(parts) + "\n"


def _facts(outcome: Outcome, verdicts: int) -> str:
    labels = outcome.labels
    rows = [
        ("verdicts", f"{verdicts:,}"),
        ("requests that failed after one retry", f"{outcome.total('failed'):,}"),
        ("requests that were retried", f"{outcome.total('retried'):,}"),
        ("verdicts that named a wrong arm, version or revision, or moved a sender", f"{outcome.total('faults'):,}"),
        ("verdicts that lack a stage", f"{outcome.total('degraded'):,}"),
        ("slowest change", f"{max(change.lag_s for change in outcome.changes):.2f} s (bound: {LIVE_S:g} s)"),
        ("candidate loaded and ready everywhere", f"after {outcome.loaded_s:.1f} s"),
        *((f"{each.version}, {each.when}", _refused(each.words)) for each in outcome.refusals),
        ("verdicts that named these two", f"{sum(outcome.named.get(each, 0) for each in MUST_NOT_ANSWER)}"),
        *((f"{each.deployment} killed with SIGKILL", _replaced(each)) for each in outcome.deaths),
        (
            "receipts with feedback; lost, doubled, with another than the last label",
            f"{labels.sent:,}; {labels.lost}, {labels.doubled}, {labels.wrong}",
        ),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _phases(outcome: Outcome) -> str:
    first = next(phase for phase in outcome.phases if phase.name == _FIRST)
    head = ("step", "verdicts", "p50 ms", "p99 ms", "p50 ÷ first", "p99 ÷ first", "retried", "degraded", "labels")
    lines = [_phase(each, first) for each in outcome.phases[outcome.phases.index(first) :]]
    return "\n".join([_row(head), _row(["---"] + ["---:"] * 7 + ["---"]), *map(_row, lines)])


def _phase(phase: Phase, first: Phase) -> list[str]:
    now, then = phase.timing, first.timing
    return [
        phase.name,
        f"{now.count:,}",
        f"{now.p50:.1f}",
        f"{now.p99:.0f}",
        f"{now.p50 / then.p50:.2f}",
        f"{now.p99 / then.p99:.2f}",
        _counts(phase.retried),
        _counts(phase.degraded),
        _counts(phase.feedback),
    ]


def _changes(outcome: Outcome) -> str:
    head = ("command", "revision", "weights", "senders", "3 sigma", "last verdict of an older revision")
    lines = [
        (
            each.name,
            str(each.revision),
            " / ".join(f"{arm} {weight:g}" for arm, weight in each.arms.items()),
            " / ".join(f"{each.senders.get(arm, 0):,}" for arm in each.arms),
            each.split_fault or "holds",
            f"{each.lag_s:.2f} s later",
        )
        for each in outcome.changes
    ]
    return "\n".join([_row(head), _row(["---"] * len(head)), *map(_row, lines)])


def _row(cells: "list[str] | tuple[str, ...]") -> str:
    return f"| {' | '.join(cells)} |"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "0"


def _refused(words: str | None) -> str:
    return "**accepted**" if words is None else f"refused: {words}"


def _replaced(death: Death) -> str:
    ready = "" if death.ready_s is None else f", all versions loaded after {death.ready_s:.1f} s"
    return f"another process after {death.process_s:.1f} s{ready}"
