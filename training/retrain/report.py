"""The report of a run: `report.md` for people, `retrain.json` for programs and the next run, and a plot."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from model_store.manifest import DataSource
from training.dataset import Rows
from training.evaluation import plots
from training.evaluation.markdown import NONE, table
from training.gates import Gate, Verdict
from training.metrics import Bools, Scores
from training.retrain.measure import Measured
from training.retrain.plan import RECORD, Plan

REPORT, ROC = "report.md", "roc.png"

_LEAST_FPR = 1e-4  #: left end of the plot's logarithmic axis


class Record(msgspec.Struct, frozen=True):
    """A run, whole."""

    plan: Plan
    passed: bool
    verdicts: list[Verdict]
    gates: list[Gate]
    candidate: Mapping[str, Mapping[str, float]]  #: set to its figures
    serving: Mapping[str, Mapping[str, float]]
    data: list[DataSource]


def write(folder: Path, record: Record, candidate: Measured, serving: Measured, grammar: Rows) -> list[str]:
    """Write everything into `folder` and say the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    known = grammar.spam >= 0
    curves = {record.plan.net: candidate.grammar[known], record.plan.serving: serving.grammar[known]}
    _draw(folder / ROC, grammar.spam[known] == 1, curves)
    (folder / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    (folder / REPORT).write_text(render(record), encoding="utf-8")
    return [REPORT, RECORD, ROC]


def render(record: Record) -> str:
    """`report.md`; holds no text of a message."""
    plan = record.plan
    failed = [verdict.gate for verdict in record.verdicts if not verdict.passed]
    head = "Every gate is passed." if record.passed else f"**Not published.** Failed: {', '.join(failed)}."
    parts = [
        f"# {plan.net} beside {plan.serving}",
        head,
        _feedback(plan),
        "## Gates",
        table(("gate", "candidate %", "serving %", "at least / at most %", "may lose", "verdict"), _rows(record)),
        "Sets are the same on every run: the fixed test part of UCI, Samsung's messages, seed_synthetic, and generated "
        "messages with wordings that training never uses. Rules have no part in these figures.",
        f"![recall at each false-positive rate]({ROC})",
        "## Figures",
        table(("set", "figure", plan.net, plan.serving), _figures(record)),
        "## Data",
        table(("source", "rows", "use", "licence", "sha256"), map(_source, record.data)),
    ]
    return "\n\n".join(parts) + "\n"


def verdict_rows(verdicts: Sequence[Verdict]) -> list[tuple[str, str, str, str]]:
    """Gate, candidate, serving and words of each, for a table."""
    return [(each.gate, _percent(each.candidate), _percent(each.serving), each.words) for each in verdicts]


def _feedback(plan: Plan) -> str:
    since = f"since {plan.since:%Y-%m-%d %H:%M} UTC" if plan.since else "of which the serving version knew none"
    return (
        f"Feedback until {plan.until:%Y-%m-%d %H:%M} UTC: {plan.messages:,} messages; {plan.news:,} given or changed "
        f"{since}. {plan.left_out:,} more resemble what the gates ask and were left out. {plan.trees} is the TF-IDF "
        f"bundle of {plan.net}, {plan.serving_trees} that of {plan.serving}."
    )


def _rows(record: Record) -> list[tuple[str, ...]]:
    return [
        (gate.name, _percent(each.candidate), _percent(each.serving), _percent(gate.bound), _percent(gate.tolerance),
         each.words)
        for gate, each in zip(record.gates, record.verdicts, strict=True)
    ]  # fmt: skip


def _figures(record: Record) -> list[tuple[str, ...]]:
    return [
        (name, figure, f"{value:g}", f"{other:g}" if (other := record.serving.get(name, {}).get(figure)) is not None
         else NONE)
        for name, found in record.candidate.items()
        for figure, value in found.items()
    ]  # fmt: skip


def _source(source: DataSource) -> tuple[str, ...]:
    rows = f"{source.rows:,}" if source.rows else ""
    return source.name, rows, source.use, source.licence, source.sha256[:16]


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.4g}"


def _draw(path: Path, labels: Bools, curves: Mapping[str, Scores]) -> None:
    """Recall against FPR on held-out wordings, the left end stretched."""
    sheet = plots.require()(figsize=(6.4, 4.2), dpi=110, layout="constrained")
    axes = sheet.subplots()
    for name, scores in curves.items():
        order = np.argsort(-scores, kind="stable")
        hits = labels[order]
        fpr = np.cumsum(~hits) / max(1, int(np.sum(~hits)))
        axes.step(np.maximum(fpr, _LEAST_FPR), np.cumsum(hits) / max(1, int(np.sum(hits))), where="post", label=name)
    axes.set(xscale="log", xlim=(_LEAST_FPR, 1), ylim=(0, 1.02), xlabel="false-positive rate", ylabel="recall",
             title="spam, held-out wordings")  # fmt: skip
    axes.legend(loc="lower right", frameon=False)
    sheet.savefig(path)
