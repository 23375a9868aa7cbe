"""The figures of an intent trial for a terminal."""

from collections.abc import Iterator

from deployments.cli.evaluation_tables import listed, rounded, with_interval
from deployments.cli.output import err, out, show
from deployments.intent_trial import EITHER, Agreement, CallFigures, IntentTrial, SourceFigures
from pipeline.types import INTENTS


def show_trial(found: IntentTrial) -> None:
    """Tables to stdout, remarks to stderr."""
    out.print(f"{found.name}: {found.rows} messages with an intent. 95 % intervals in brackets.\n")
    _summary(found)
    _classes(found)
    for each in found.sources:
        _confusion(each)
    if found.agreement:
        _agreement(found.agreement)
    if found.calls:
        _calls(found.calls)
    for note in _notes(found):
        err.print(note)


def _summary(found: IntentTrial) -> None:
    columns = ("source", "answered", "accuracy %", "of one-time passwords", "macro-F1")
    rows = []
    for each in found.sources:
        answered = str(found.rows - each.unanswered)
        if figures := each.figures:
            shares = with_interval(figures.accuracy, 100, 2), with_interval(figures.otp_accuracy, 100, 2)
            rows.append((each.source, answered, *shares, rounded(figures.macro_f1, 3)))
        else:
            rows.append((each.source, answered, "-", "-", "-"))
    show(columns, rows, numbers=columns[1:])
    out.print()


def _classes(found: IntentTrial) -> None:
    """Recall and F1 of each intent, by each source."""
    headings = [f"{each.source} {what}" for each in found.sources for what in ("recall %", "F1")]
    columns = ("intent", *headings)
    rows = [(intent, *_class(found, intent)) for intent in INTENTS if intent in found.sources[0].recall]
    show(columns, rows, numbers=headings)
    out.print()


def _class(found: IntentTrial, intent: str) -> Iterator[str]:
    for each in found.sources:
        yield with_interval(each.recall[intent], 100, 1)
        yield rounded(each.figures.f1.get(intent) if each.figures else None, 3)


def _confusion(each: SourceFigures) -> None:
    """Rows: labels. Columns: answers, by the number of the row that bears their name."""
    if not each.figures:
        return
    columns = (f"{each.source}: labelled as", *(str(i) for i in range(1, len(INTENTS) + 1)))
    rows = [
        (f"{i} {intent}", *(str(count) if count else "." for count in row))
        for i, (intent, row) in enumerate(zip(INTENTS, each.figures.confusion, strict=True), 1)
    ]
    show(columns, rows, numbers=columns[1:])
    out.print()


def _agreement(found: Agreement) -> None:
    out.print(
        f"groq and local agree on {with_interval(found.agreed, 100, 2)} % of {found.rows}; groq alone is right on "
        f"{found.only_groq_right}, local alone on {found.only_local_right} (McNemar's p {found.p:.3g})\n"
    )


def _calls(found: CallFigures) -> None:
    columns = ("asked", "outcomes", "prompt tokens", "completion tokens", "USD", "USD per 1,000", "p50 ms", "p95 ms",
               "p99 ms")  # fmt: skip
    latencies = [rounded(found.latency_ms.get(point), 1) for point in ("p50", "p95", "p99")]
    money = (f"{found.cost_usd:.4f}", f"{found.cost_usd_per_1000:.4f}")
    tokens = (str(found.prompt_tokens), str(found.completion_tokens))
    row = (str(found.messages), listed(found.outcomes), *tokens, *money, *latencies)
    show(columns, [row], numbers=(columns[0], *columns[2:]))
    out.print()


def _notes(found: IntentTrial) -> Iterator[str]:
    """What a reader of the figures must know."""
    if found.calls and found.calls.failed:
        yield f"{found.calls.failed} messages were not answered and count in no figure of groq; fewer at once may help"
    if found.source(EITHER):
        yield f"{EITHER}: where the local models see a one-time password, however sure they are of what it is for"
