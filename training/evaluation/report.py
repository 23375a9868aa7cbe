"""The report of an evaluation as Markdown: at a glance, beside the reference, then set by set."""

from collections.abc import Iterable, Iterator, Mapping

from pipeline.types import INTENTS
from training.evaluation.markdown import NONE, figure, number, percent, table
from training.evaluation.reference import CLAIMS, LEAST_ACCURACY, MOST_FPR, MOST_LATENCY_MS
from training.evaluation.results import Group, IntentFigures, Results, SetResult, TaskFigures, Traffic
from training.intervals import Figure

#: Set to {what a plot shows: its file name}, as `plots.draw` gives them.
Plots = Mapping[str, Mapping[str, str]]

_GROUPS = 100  #: rows of one table of kinds, countries or scripts
_COMPARED = ("model", "task", "set", "accuracy", "F1")


def render(results: Results, plots: Plots | None = None) -> str:
    """The whole report; `plots` are linked beside their figures."""
    parts = [
        "# Evaluation",
        _source(results),
        "## At a glance",
        _glance(results.sets),
        "## Beside the reference",
        _reference(results.sets),
        _targets(results.sets),
    ]
    for each in results.sets:
        parts += _set(each, (plots or {}).get(each.name, {}))
    return "\n\n".join(filter(None, parts)) + "\n"


def _source(results: Results) -> str:
    models = ", ".join(sorted(set(results.models.values()))) or "none"
    return (
        f"Answered by {results.answered_by}; models: {models}. Square brackets hold 95 % intervals. “Called spam” is "
        "`is_spam` under the policy in force; an alarm is a message called spam or phishing."
    )


def _glance(sets: Iterable[SetResult]) -> str:
    columns = ("set", "messages", "spam", "accuracy %", "FPR %", "recall %", "phishing recall %", "phishing FPR %",
               "OTP accuracy %", "intent % (OTPs)")  # fmt: skip
    return table(columns, map(_overview, sets))


def _overview(each: SetResult) -> tuple[str, ...]:
    spam, phishing, otp = (each.task(name) for name in ("spam", "phishing", "otp"))
    return (
        each.name,
        str(each.rows),
        str(each.positives),
        *((_short(spam.accuracy), _short(spam.fpr), _short(spam.recall)) if spam else (NONE,) * 3),
        *((_short(phishing.recall), _short(phishing.fpr)) if phishing else (NONE,) * 2),
        _short(otp.accuracy) if otp else NONE,
        _short(each.intents.otp_accuracy) if each.intents else NONE,
    )


def _reference(sets: Iterable[SetResult]) -> str:
    rows = [(claim.model, claim.task, "its author's", claim.accuracy, claim.f1 or NONE) for claim in CLAIMS]
    rows += [row for each in sets for row in _ours(each)]
    order = ("all", "otp", "phishing", "intent", "intent of OTPs")
    text = "No two of these sets are the same: the published figures come from a synthetic set that is not public."
    return f"{text}\n\n{table(_COMPARED, sorted(rows, key=lambda row: order.index(row[1])))}"


def _ours(each: SetResult) -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of the tasks of which the set holds positive ones: where there are none, nothing is easier than accuracy."""
    for name in ("otp", "phishing"):
        if (task := each.task(name)) and task.positives:
            yield "**Winnow**", name, each.name, f"{_short(task.accuracy)} %", number(task.f1)
    if (found := each.intents) and found.otps:
        yield "**Winnow**", "intent", each.name, f"{_short(found.accuracy)} %", f"{found.macro_f1:.3f}"
        yield "**Winnow**", "intent of OTPs", each.name, f"{_short(found.otp_accuracy)} %", NONE


def _targets(sets: Iterable[SetResult]) -> str:
    columns = ("set", f"accuracy > {100 * LEAST_ACCURACY:.0f} %", f"FPR < {100 * MOST_FPR:.0f} %",
               f"latency < {MOST_LATENCY_MS:.0f} ms (p50 / p95)")  # fmt: skip
    return table(columns, map(_target, sets))


def _target(each: SetResult) -> tuple[str, ...]:
    spam = each.task("spam")
    accuracy = spam.accuracy.value if spam and spam.positives else None
    fpr = spam.fpr.value if spam else None
    single = next((sent for sent in each.traffic if sent.per_message), None)
    p50, p95 = (single.latency_ms["p50"], single.latency_ms["p95"]) if single else (None, None)
    return (
        each.name,
        _met(None if accuracy is None else accuracy > LEAST_ACCURACY, number(accuracy, 100, 2)),
        _met(None if fpr is None else fpr < MOST_FPR, number(fpr, 100, 2)),
        _met(None if p95 is None else p95 < MOST_LATENCY_MS, f"{number(p50, digits=1)} / {number(p95, digits=1)}")
        + (f" ({single.name})" if single else " (measured by `--send single --concurrency 1`)"),
    )


def _met(met: bool | None, text: str) -> str:
    return NONE if met is None else f"{'met' if met else '**missed**'}: {text}"


def _set(each: SetResult, plots: Mapping[str, str]) -> list[str]:
    parts = [f"## {each.name}", f"{each.rows} messages, {each.positives} of them spam; {each.failed} failed."]
    if any(quality.confusion.rows for quality in each.quality):
        parts += ["### Spam by decision", _decisions(each)]
    if each.tasks:
        parts += ["### Tasks", _tasks(each.tasks), _scores(each.tasks)]
        parts += [_image(plots, f"{kind} {task.task}") for task in each.tasks for kind in ("roc", "reliability")]
    for by in ("kind", "country", "script"):
        if found := [group for group in each.groups if group.by == by]:
            parts += [f"### By {by}", _groups(found)]
            parts += [_image(plots, "kinds")] if by == "kind" else []
    if each.intents and each.intents.otps:
        parts += ["### Intents", _intents(each.intents), _image(plots, "intents")]
    if each.robustness:
        parts += ["### Disguises", _robustness(each), _image(plots, "robustness")]
    if each.policies:
        parts += ["### Policies", _policies(each)]
    return [*parts, "### Speed", _traffic(each.traffic)]


def _decisions(each: SetResult) -> str:
    columns = ("called spam", "accuracy %", "FPR %", "recall %", "MCC", "TP", "FP", "FN", "TN")
    rows = []
    for quality in each.quality:
        counts = quality.confusion
        cells = (counts.true_positive, counts.false_positive, counts.false_negative, counts.true_negative)
        shares = [figure(found) for found in (quality.accuracy, quality.fpr, quality.recall)]
        rows.append((quality.decision, *shares, figure(quality.mcc, 1, 3), *map(str, cells)))
    return table(columns, rows)


def _tasks(tasks: Iterable[TaskFigures]) -> str:
    columns = ("task", "rows", "positive", "accuracy %", "FPR %", "recall %", "precision % here", "F1", "MCC")
    rows = []
    for task in tasks:
        shares = [figure(found) for found in (task.accuracy, task.fpr, task.recall, task.precision)]
        rows.append((task.task, str(task.rows), str(task.positives), *shares, number(task.f1), figure(task.mcc, 1, 3)))
    return table(columns, rows)


def _scores(tasks: Iterable[TaskFigures]) -> str:
    columns = ("score", "recall % at 0.1 % FPR", "recall % at 0.5 % FPR", "ECE", "precision % in traffic")
    rows = []
    for task in tasks:
        traffic = f"{figure(task.precision_in_traffic, digits=1)} at {100 * (task.prevalence or 0):g} %"
        recalls = [figure(task.recall_at_fpr[rate], digits=1) for rate in ("0.001", "0.005")]
        rows.append(
            (task.task, *recalls, number(task.ece, digits=4), traffic if task.precision_in_traffic.interval else NONE)
        )
    return table(columns, rows)


def _groups(groups: list[Group]) -> str:
    columns = (groups[0].by, "rows", "legitimate", "false alarms", "%", "blocked", "spam", "caught %", "called spam",
               "phishing", "OTP", "blocked in all")  # fmt: skip
    text = table(columns, map(_group, groups[:_GROUPS]))
    return text if len(groups) <= _GROUPS else f"{text}\n\n{len(groups) - _GROUPS} more are in `figures.json`."


def _group(each: Group) -> tuple[str, ...]:
    harmed = (each.false_alarms, percent(each.false_alarms, each.legitimate), each.blocked_legitimate)
    called = (each.called_spam, each.called_phishing, each.called_otp, each.blocked)
    cells = (each.name, each.rows, each.legitimate, *harmed, each.spam, percent(each.caught, each.spam), *called)
    return tuple(map(str, cells))


def _intents(found: IntentFigures) -> str:
    text = (
        f"Accuracy {figure(found.accuracy)} % of {found.rows} rows, {figure(found.otp_accuracy)} % of the {found.otps} "
        f"one-time passwords; macro-F1 {found.macro_f1:.3f}."
    )
    if found.untold:
        text += f" Of {found.untold} more nobody could tell."
    rows = [
        (f"{i + 1} {name}", number(found.f1.get(name)), *map(str, found.confusion[i])) for i, name in enumerate(INTENTS)
    ]
    columns = ("truth, by answer", "F1", *(str(i + 1) for i in range(len(INTENTS))))
    return f"{text}\n\n{table(columns, rows)}"


def _robustness(each: SetResult) -> str:
    columns = ("disguise", "spam", "alarm % plain", "disguised", "phishing", "called phishing % plain", "disguised",
               "legitimate", "false alarms plain", "added by the disguise")  # fmt: skip
    rows = [
        (row.way, str(row.spam), number(row.plain_recall, 100, 1), number(row.recall, 100, 1), str(row.phishing),
         number(row.plain_phishing_recall, 100, 1), number(row.phishing_recall, 100, 1), str(row.legitimate),
         str(row.plain_false_alarms), str(row.added_false_alarms))
        for row in each.robustness
    ]  # fmt: skip
    return table(columns, rows)


def _policies(each: SetResult) -> str:
    columns = ("policy", "deliver", "flag", "block", "legitimate not delivered %", "legitimate blocked %",
               "spam flagged or blocked %", "spam blocked %")  # fmt: skip
    rows = []
    for found in each.policies:
        counts = [str(found.actions.get(action, 0)) for action in ("deliver", "flag", "block")]
        shares = (found.fpr, found.blocked_legitimate, found.recall, found.blocked_spam)
        rows.append((found.policy, *counts, *map(figure, shares)))
    return table(columns, rows)


def _traffic(traffic: Iterable[Traffic]) -> str:
    columns = ("sent", "messages", "failed", "messages/s", "p50 ms", "p95 ms", "p99 ms", "from a cache")
    rows = []
    for sent in traffic:
        latencies = [f"{sent.latency_ms[name]:.1f}" for name in ("p50", "p95", "p99")]
        counts = (str(sent.messages), str(sum(sent.failed.values())), f"{sent.messages_per_s:.0f}")
        rows.append((sent.name, *counts, *latencies, str(sent.from_cache)))
    return table(columns, rows)


def _image(plots: Mapping[str, str], what: str) -> str:
    return f"![{what}]({plots[what]})" if what in plots else ""


def _short(found: Figure) -> str:
    return number(found.value, 100, 2)
