"""How sure the local model must be of an intent to need no language model: `python -m training.evaluation.intent_gate`.

Messages that neither the models nor their training ever saw: the held-out part of the grammar, and seed_synthetic.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

import msgspec
import numpy as np
from numpy.typing import NDArray

from configs.resources import open_store
from configs.settings import Settings
from model_store.manifest import Manifest
from pipeline.models.lightgbm import TreeModels
from pipeline.normalise import normalise
from pipeline.senders import canonical_address
from pipeline.types import INTENTS
from training.evaluation.markdown import figure, table
from training.examples import Example
from training.intervals import share
from training.metrics import Bools
from training.sets import read_set

SETS = ("synthetic:heldout", "seed_synthetic")
LEAST = 50  #: messages that a threshold must leave above it, or its share of right ones says nothing
_GRID = np.round(np.concatenate([np.arange(0.5, 0.99, 0.01), np.arange(0.99, 1.0, 0.001)]), 3)
_FOLDS = 5


class Judged(msgspec.Struct, frozen=True):
    """What the local model said of N one-time passwords that it took for such."""

    confidence: NDArray[np.float32]  #: float32[N]
    right: Bools  #: bool[N]
    group: NDArray[np.int64]  #: int64[N]; what was written from one template is of one group

    def take(self, rows: Bools) -> "Judged":
        return Judged(self.confidence[rows], self.right[rows], self.group[rows])


def judge(models: TreeModels, manifest: Manifest, examples: Sequence[Example]) -> Judged:
    """Judge the examples that have an intent, and that the laxest policy takes for one-time passwords."""
    labelled = [example for example in examples if example.otp and example.intent]
    texts = [normalise(example.text).text for example in labelled]
    scores = models.score(texts, [canonical_address(example.sender) for example in labelled])
    asked = scores.otp >= min(manifest.thresholds["otp"].values())
    best = scores.intent[:, 1:].argmax(axis=1) + 1  # an OTP is not NOT_OTP
    true = np.array([INTENTS.index(example.intent or "") for example in labelled])
    found = Judged(
        scores.intent[np.arange(len(labelled)), best],
        best == true,
        np.array([_number(_template(example)) for example in labelled], dtype=np.int64),
    )
    return found.take(asked)


def threshold(sets: Mapping[str, Judged], target: float) -> float:
    """The lowest confidence, of those with three digits, above which the share of right labels is `target` in every
    set, and at every higher one too; infinite where there is none.
    """
    lowest = float("inf")
    for at in _GRID[::-1]:
        above = [judged.right[judged.confidence >= at] for judged in sets.values()]
        enough = [right for right in above if len(right) >= LEAST]
        if len(enough) < len(above):
            continue
        if any(right.mean() < target for right in enough):
            break
        lowest = float(at)
    return lowest


def out_of_sample(sets: Mapping[str, Judged], target: float) -> dict[str, tuple[int, int]]:
    """Of each set, right ones and all above thresholds that were chosen on other templates."""
    counts = dict.fromkeys(sets, (0, 0))
    for fold in range(_FOLDS):
        at = threshold({name: judged.take(judged.group % _FOLDS != fold) for name, judged in sets.items()}, target)
        for name, judged in sets.items():
            right = judged.right[(judged.group % _FOLDS == fold) & (judged.confidence >= at)]
            counts[name] = counts[name][0] + int(right.sum()), counts[name][1] + len(right)
    return counts


def _rows(sets: Mapping[str, Judged], thresholds: Sequence[float]) -> Iterator[tuple[str, ...]]:
    for at in thresholds:
        for name, judged in sets.items():
            sure = judged.confidence >= at
            above, below = judged.right[sure], judged.right[~sure]
            yield (
                f"{at:.3f}, {name}",
                figure(share(int(sure.sum()), len(sure)), digits=1),
                figure(share(int(above.sum()), len(above)), digits=1),
                figure(share(int(below.sum()), len(below)), digits=1),
            )


def _template(example: Example) -> str:
    """The generator's, or else the text: groups of corpora are files."""
    return example.group if example.source == "synthetic" else example.text


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest())


def main() -> None:
    parser = argparse.ArgumentParser(description="How sure the local model must be of an intent.")
    parser.add_argument("--version", default=Settings().models.trees)
    parser.add_argument("--target", type=float, default=0.99)
    parser.add_argument("--generated", type=int, default=40_000)
    chosen = parser.parse_args()
    opened = open_store(Settings()).open(chosen.version)
    models = TreeModels(opened.path, opened.manifest.calibration)
    sets = {name: judge(models, opened.manifest, read_set(name, chosen.generated)) for name in SETS}
    at = threshold(sets, chosen.target)
    print(f"{chosen.version}: {at:.3f} for {chosen.target:.1%}\n")
    columns = ("confidence, set", "sure, %", "right above, %", "right below, %")
    print(table(columns, _rows(sets, [*(each for each in (0.8, 0.9, 0.95, 0.99) if each != at), at])))
    print("\nThresholds chosen on four fifths of the templates, judged on the others\n")
    judged = out_of_sample(sets, chosen.target).items()
    print(table(("set", "right above, %"), ((name, figure(share(*counts), digits=1)) for name, counts in judged)))


if __name__ == "__main__":
    main()
