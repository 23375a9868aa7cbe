"""The model card of a version, in Markdown: what it is for, what it was made of, how good it is, what it cannot do."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from model_store.manifest import DataSource, Manifest
from model_store.store import describe_files
from training.evaluation.markdown import table
from training.intervals import wilson

CARD = "CARD.md"

_USE = (
    "Scores short messages for a carrier's gateway or a phone: spam, phishing, one-time passwords and their purpose. "
    "A score is one reason among others: thresholds are a policy, rules and lists may overrule it, and every verdict "
    "names the version that made it. Not made for e-mail, for judging people, or for blocking without an appeal."
)
_LIMITS = (
    "Trained on public corpora of 2003-2021 and on messages that this project's own grammar writes; figures on "
    "generated messages flatter. Whatever no grammar foresaw, new frauds above all, is recognised later than by a "
    "model that has seen it. Languages without real training data (all but English and Thai) rest on the grammar "
    "alone. Advertising of known brands is taught neither as spam nor as wanted. Intervals take rows for independent; "
    "near-duplicates make the true ones wider. Texts are cut at the longest input."
)
#: Figure to what it is a share of; those have an interval.
_OF = {"accuracy": "rows", "recall": "positives", "fpr": "negatives"}


def model_card(manifest: Manifest) -> str:
    """The card of a manifest. Intervals are 95 % (Wilson)."""
    facts = [f"- created {manifest.created}", f"- tasks: {', '.join(manifest.labels)}"]
    if manifest.max_tokens:
        facts.append(f"- longest input: {manifest.max_tokens} tokens")
    if manifest.ensemble:
        facts.append(
            f"- joins {manifest.ensemble.partner}: {manifest.ensemble.weight:.0%} of the mean of logits is this model's"
        )
    sections = {
        "Intended use": _USE,
        "Data": table(("source", "rows", "use", "licence"), map(_source, manifest.data)),
        "Figures": "\n\n".join(_figures(name, found) for name, found in sorted(manifest.metrics.items())),
        "Thresholds": table(
            ("task", "share of legitimate messages that may reach it", "threshold"),
            ((t, rate, f"{cut:.4f}") for t, cuts in manifest.thresholds.items() for rate, cut in cuts.items()),
        ),
        "Limits": _LIMITS,
    }
    head = f"# {manifest.ref}\n\n{manifest.description}\n\n" + "\n".join(facts)
    return "\n\n".join([head, *(f"## {title}\n\n{text}" for title, text in sections.items())]) + "\n"


def with_card(folder: Path, manifest: Manifest) -> Manifest:
    """Write the card into the version's folder and list it in the manifest."""
    (folder / CARD).write_text(model_card(manifest), encoding="utf-8")
    return msgspec.structs.replace(manifest, files={**manifest.files, **describe_files(folder, [CARD])})


def _source(source: DataSource) -> tuple[str, ...]:
    return source.name, f"{source.rows:,}" if source.rows else "", source.use, source.licence


def _figures(name: str, found: Mapping[str, float]) -> str:
    return f"### {name}\n\n" + table(("figure", "value"), ((key, _figure(key, found)) for key in found))


def _figure(key: str, found: Mapping[str, float]) -> str:
    """A value, with its interval where the figure is a share of counted rows."""
    value = found[key]
    prefix, _, last = key.rpartition("_")
    count = _counts(found, f"{prefix}_" if prefix and last in _OF else "").get(_OF.get(last, ""))
    if not count:
        return f"{value:g}"
    low, high = wilson(round(value * count), round(count))
    return f"{value:g} [{low:.4f}, {high:.4f}]"


def _counts(found: Mapping[str, float], prefix: str) -> dict[str, float]:
    rows, positives = found.get(f"{prefix}rows", 0.0), found.get(f"{prefix}positives", 0.0)
    return {"rows": rows, "positives": positives, "negatives": rows - positives}
