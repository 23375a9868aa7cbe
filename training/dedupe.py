"""Duplicates, near-duplicate groups and grouped splits of examples: near-twins never stand on both sides."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from pipeline.normalise import normalise
from training.examples import Example
from training.neardup import cluster, twins

UCI_FOLDS, UCI_SEED = 5, 2012  #: the fixed test part of UCI is fold 0 of these


class Split(msgspec.Struct, frozen=True):
    train: list[Example]
    test: list[Example]


def exact_key(text: str) -> str:
    """Texts with the same key are the same message: normalised, case and white space ignored."""
    return " ".join(normalise(text).text.casefold().split())


def drop_duplicates(examples: Sequence[Example]) -> list[Example]:
    """The first of each exact duplicate, in order."""
    seen: dict[str, Example] = {}
    for example in examples:
        seen.setdefault(exact_key(example.text), example)
    return list(seen.values())


def drop_conflicts(examples: Sequence[Example]) -> list[Example]:
    """Without the texts that appear with more than one labelling."""
    labels: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    for example in examples:
        labels[exact_key(example.text)].add((example.spam, example.phishing, example.otp, example.intent))
    return [example for example in examples if len(labels[exact_key(example.text)]) == 1]


def without_twins(examples: Sequence[Example], held: Sequence[Example]) -> list[Example]:
    """Examples that resemble none of the held ones: what may be trained on when `held` is the test set."""
    found = twins([example.text for example in examples], [example.text for example in held])
    return [example for example, twin in zip(examples, found, strict=True) if not twin]


def grouped(examples: Sequence[Example]) -> list[Example]:
    """The same examples, each with its near-duplicate cluster as its group, named by the cluster's first member."""
    ids = cluster([example.text for example in examples])
    return [
        msgspec.structs.replace(example, group=f"{examples[identity].source}/{identity}")
        for example, identity in zip(examples, ids, strict=True)
    ]


def folds(
    groups: Sequence[str] | Sequence[int], k: int, seed: int, labels: Sequence[bool | None] | None = None
) -> list[int]:
    """Fold 0..k-1 of each item; a group stays whole and every fold gets about its share of rows and of True labels.

    Large groups are placed first, each where rows and positives are furthest below their share; ties and order
    follow a hash of seed and group, so the result depends on nothing else.
    """
    rows: dict[str, int] = defaultdict(int)
    positives: dict[str, int] = defaultdict(int)
    for group, label in zip(groups, labels or [None] * len(groups), strict=True):
        rows[str(group)] += 1
        positives[str(group)] += bool(label)
    all_rows, all_positives = max(1, sum(rows.values())), max(1, sum(positives.values()))
    filled = [[0.0, 0.0] for _ in range(k)]
    placed: dict[str, int] = {}
    for group in sorted(rows, key=lambda name: (-rows[name], _shuffle_key(seed, name))):
        share = (rows[group] / all_rows, positives[group] / all_positives)
        axis = 1 if share[1] else 0
        fold = min(range(k), key=lambda f: (filled[f][axis], filled[f][1 - axis], _shuffle_key(seed, f"{group}:{f}")))
        filled[fold] = [filled[fold][0] + share[0], filled[fold][1] + share[1]]
        placed[group] = fold
    return [placed[str(group)] for group in groups]


def uci_split(uci: Sequence[Example]) -> Split:
    """The one train/test split of UCI: duplicates dropped, 20 % test, grouped by near-duplicate cluster, fixed.

    Args:
        uci: `corpora.load("uci")`, whole and in the file's order.
    """
    examples = grouped(drop_duplicates(uci))
    parts = folds([e.group for e in examples], UCI_FOLDS, UCI_SEED, [e.spam for e in examples])
    return Split(
        train=[example for example, fold in zip(examples, parts, strict=True) if fold != 0],
        test=[example for example, fold in zip(examples, parts, strict=True) if fold == 0],
    )


def _shuffle_key(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
