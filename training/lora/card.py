"""What lies beside an adapter: `metrics.json` for programs, and a model card for people."""

from collections import Counter
from pathlib import Path

import msgspec

from training.evaluation.markdown import figure, number, table
from training.lora.data import LoraData
from training.lora.judging import Judgement
from training.lora.settings import LoraSettings

CARD, METRICS = "README.md", "metrics.json"

_USE = (
    "Says what a one-time password is for: one of nine labels, in JSON. Winnow's intent lane asks it, of messages that "
    "another model took for one-time passwords, redacted before. Its answer changes no other score."
)
_LIMITS = (
    "Taught mostly on messages that this project's own grammar writes: figures on its held-out wordings flatter. "
    "Labels are right as far as the wording tells; brands that are shop, wallet and bank at once are not. "
    "Answers hold for the prompt form that stands in the chat template beside the adapter, and for no other."
)


class Metrics(msgspec.Struct, frozen=True):
    """All figures of a run."""

    base: str
    parameters: int  #: of the adapter
    rows: int  #: taught
    too_long: int  #: left out
    first_loss: float  #: mean a token of the answer, of the first and the last steps
    last_loss: float
    before: dict[str, Judgement]  #: set to what the base answers without the adapter
    after: dict[str, Judgement]


def write_card(folder: Path, settings: LoraSettings, data: LoraData, metrics: Metrics) -> None:
    """Write both files into the adapter's folder."""
    (folder / METRICS).write_bytes(msgspec.json.format(msgspec.json.encode(metrics), indent=2) + b"\n")
    (folder / CARD).write_text(_card(settings, data, metrics), encoding="utf-8")


def _card(settings: LoraSettings, data: LoraData, metrics: Metrics) -> str:
    head = f"---\nbase_model: {metrics.base}\nlibrary_name: peft\npipeline_tag: text-generation\n---\n"
    sections = {
        "Intended use": _USE,
        "Recipe": _recipe(settings, metrics),
        "Data": _data(data),
        "Figures": _figures(metrics),
        "Limits": _LIMITS,
    }
    parts = [head, "# Intents of one-time passwords, by a LoRA adapter\n"]
    return "\n".join([*parts, *(f"## {title}\n\n{text}\n" for title, text in sections.items())])


def _recipe(settings: LoraSettings, metrics: Metrics) -> str:
    adapter, tuning = settings.adapter, settings.tuning
    return (
        f"Rank {adapter.rank}, alpha {adapter.alpha}, dropout {adapter.dropout}, on {', '.join(adapter.modules)}: "
        f"{metrics.parameters:,} weights. {tuning.epochs} epochs of {metrics.rows:,} rows, {tuning.rows} a step, rate "
        f"{tuning.rate:g}, seed {tuning.seed}; {metrics.too_long} rows longer than {tuning.max_tokens} tokens were "
        f"left out. The loss counts the answer alone: {metrics.first_loss:.3f} a token at first, "
        f"{metrics.last_loss:.3f} at last. Chat template: {settings.form}."
    )


def _data(data: LoraData) -> str:
    taught = Counter(example.source for example in data.taught)
    rows = [*((name, "taught", count) for name, count in sorted(taught.items()))]
    rows += [(name, "judged", len(examples)) for name, examples in data.judged.items()]
    return table(("set", "use", "rows"), [(name, use, f"{count:,}") for name, use, count in rows])


def _figures(metrics: Metrics) -> str:
    columns = ("set", "rows", "accuracy, %", "macro-F1", "readable unbidden, %", "accuracy of the base, %")
    rows = [
        (
            name,
            str(after.intents.rows),
            figure(after.intents.accuracy),
            number(after.intents.macro_f1),
            number(after.readable, 100, 1),
            figure(metrics.before[name].intents.accuracy),
        )
        for name, after in metrics.after.items()
    ]
    told = "The most likely of the nine answers counts; intervals are 95 % (Wilson)."
    return f"{table(columns, rows)}\n\n{told} Confusions and F1 of each intent: `{METRICS}`."
