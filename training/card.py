"""The data card, in Markdown: `python -m training.card --corpus uci --synthetic 20000 > card.md`.

For each corpus its licence and allowed use, counts by source, label, kind and country, repetition and diversity; for
the generator also what its held-out slice shares with the slice that models are trained on.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pipeline.errors import WinnowError
from training import corpora
from training.dedupe import drop_conflicts, drop_duplicates
from training.diversity import Diversity, diversity
from training.examples import Example
from training.leakage import leakage, sentence
from training.neardup import cluster
from training.progress import Bars, bars, no_bars
from training.sets import read_set

__all__ = ["Diversity", "card", "corpus_card", "diversity", "document", "synthetic_card"]

HELD_PER_TRAIN = 5  #: the held-out slice of a card is a fifth of the other


def document(names: Sequence[str], synthetic: int = 0, bar: Bars = no_bars) -> Iterator[str]:
    """The whole card, part by part.

    Args:
        names: corpora.
        synthetic: how many generated messages to describe; 0: none.
        bar: shows the progress of long steps.

    Raises:
        ConfigError: a corpus is unknown, missing or malformed.
    """
    yield "# Data card\n"
    for name in names:
        yield corpus_card(corpora.find(name), corpora.load(name), bar)
    if synthetic:
        yield synthetic_card(synthetic, bar)


def corpus_card(corpus: corpora.Corpus, examples: Sequence[Example], bar: Bars = no_bars) -> str:
    """Of one corpus: where it comes from, and all that can be counted in it."""
    uses = ", ".join(sorted(corpus.uses))
    facts = [
        f"## {corpus.name}\n",
        f"Published: {corpus.published}. Licence: {corpus.licence}. May be used to: {uses}.\n",
    ]
    return "\n".join([*facts, _measured(corpus.name, examples, bar), card(examples)])


def synthetic_card(rows: int, bar: Bars = no_bars) -> str:
    """Of generated messages: the slice for training, the held-out slice, and what they share."""
    held_rows = max(1, rows // HELD_PER_TRAIN)
    slices = {"synthetic:train": rows, "synthetic:heldout": held_rows}
    made = {name: read_set(name, n) for name, n in bar("generating")(list(slices.items()))}
    train, held = made.values()
    found = leakage(train, held, bar("held-out messages in train"))
    parts = [
        "## synthetic\n",
        "Written by the grammar of this project. May be used to: evaluate, pretrain, train.\n",
        f"Leakage: {sentence('synthetic:heldout', 'synthetic:train', found)}.\n",
    ]
    for name, examples in made.items():
        parts += [f"### {name}\n", _measured(name, examples, bar), card(examples)]
    return "\n".join(parts)


def card(examples: Sequence[Example]) -> str:
    """Counts by source, labels, intent, kind and country."""
    parts = [
        _table("source", (example.source for example in examples)),
        *(
            _table(task, (_word(getattr(example, task)) for example in examples))
            for task in ("spam", "phishing", "otp", "intent")
        ),
        _table("kind", (example.kind or "unknown" for example in examples)),
        _table("country", (example.country or "unknown" for example in examples)),
    ]
    return f"{len(examples)} rows\n\n" + "\n".join(parts)


def _measured(name: str, examples: Sequence[Example], bar: Bars) -> str:
    """Repetition: exact copies, near-duplicate clusters, templates and nearest neighbours."""
    texts = [example.text for example in examples]
    sizes = Counter(cluster(texts, bar(f"{name}: near-duplicates")))
    varied = diversity(texts, watch=bar(f"{name}: nearest neighbours"))
    figures = {
        "rows": f"{len(examples):,}",
        "exact duplicates": f"{len(examples) - len(drop_duplicates(examples)):,}",
        "rows whose text has two labellings": f"{len(examples) - len(drop_conflicts(examples)):,}",
        "near-duplicate clusters": f"{len(sizes):,}",
        "rows in clusters of two or more": f"{sum(size for size in sizes.values() if size > 1):,}",
        "largest cluster": f"{max(sizes.values(), default=0):,}",
        "distinct templates per 10,000 rows": f"{varied.distinct_per_10k:,.0f}",
        "similarity 0-1 with the nearest neighbour, mean": f"{varied.nearest:.3f}",
        "share of rows with a near-duplicate": f"{varied.near_share:.1%}",
    }
    return "\n".join(
        ["| measure | value |", "|---|---|", *(f"| {key} | {value} |" for key, value in figures.items()), ""]
    )


def _table(title: str, values: Iterable[str]) -> str:
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return "\n".join([f"| {title} | rows |", "|---|---|", *(f"| {value} | {n} |" for value, n in counts), ""])


def _word(value: str | bool | None) -> str:
    if isinstance(value, str):
        return value
    return "unlabelled" if value is None else "yes" if value else "no"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Write a data card to stdout; of all corpora at hand unless told which."
    )
    parser.add_argument(
        "--corpus", nargs="+", default=[], metavar="NAME", choices=sorted(corpora.CORPORA), help="corpora to describe"
    )
    parser.add_argument("--synthetic", type=int, default=0, metavar="N", help="describe N generated messages")
    options = parser.parse_args(arguments)
    try:
        with bars() as bar:
            names = options.corpus or ([] if options.synthetic else corpora.present())
            for part in document(names, options.synthetic, bar):
                print(part)
    except WinnowError as error:
        sys.exit(f"error: {error.detail}")


if __name__ == "__main__":
    main()
