"""Figures of the whole recipe by cross-validation: `python -m training.crossval --corpus uci --out build/crossval`.

Each fold of a corpus, grouped by near-duplicates, is judged by models that saw nothing of it nor of its twins: TF-IDF
models, the fine-tuned net, their calibration and their ensemble are made anew for each, with all other data. With
`--whole` the corpus is one fold and no row of it is trained on: what the models make of traffic of another origin.
A fold whose scores are in the output folder is not done again.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.calibrate import sigmoid
from training.corpora import load
from training.dataset import UNKNOWN, Dataset, Rows, build, to_rows
from training.dedupe import drop_duplicates, folds, grouped, twins
from training.examples import Example
from training.finetune import raw_logits
from training.gate import GateTrainer
from training.metrics import Scores, recall_at_fpr, summary
from training.recipe import Recipe
from training.settings import NetSettings, RecipeSettings, read_settings
from training.transformer import combine, join

FOLDS, SEED = 5, 2012

Columns = dict[str, NDArray[np.float32]]  #: "gate", "net" and "spam": probabilities of spam; "phishing": of phishing


def split(corpus: str, whole: bool) -> list[list[Example]]:
    """The corpus without duplicates, in folds that no near-duplicate straddles."""
    examples = grouped(drop_duplicates(load(corpus)))
    if whole:
        return [examples]
    parts = folds([e.group for e in examples], FOLDS, SEED, [e.spam for e in examples])
    return [[e for e, part in zip(examples, parts, strict=True) if part == fold] for fold in range(FOLDS)]


def judge(recipe: Recipe, net: NetSettings | None, data: Dataset, work: Path) -> Columns:
    """Scores of the test rows of `data` by models that are trained on its training rows."""
    work.mkdir(parents=True, exist_ok=True)
    trainer = GateTrainer(data, recipe.settings.gate, work / "feature_map.json", recipe.settings.threads)
    validation, test = trainer.features(data.validation), trainer.features(data.test)
    spam, phishing = trainer.train("spam"), trainer.train("phishing")
    gate = spam.logits(test)[:, 0]
    final: Scores = gate
    columns: dict[str, Scores] = {"gate": sigmoid(gate)}
    if net is not None:
        body, tokenizer = recipe.tuned(net, data, work)
        raw, seen = (raw_logits(body, tokenizer, rows.texts, net.max_tokens) for rows in (data.test, data.validation))
        platt, ensemble = join(seen, data.validation, data.validation_weights, spam.logits(validation)[:, 0], "gate")
        final = combine(ensemble, platt.a * raw + platt.b, gate)
        columns["net"] = sigmoid(platt.a * raw + platt.b)
        print(f"ensemble: {ensemble}", flush=True)
    joint = np.sqrt(sigmoid(phishing.logits(test)[:, 0]) * sigmoid(gate))
    return {
        name: np.asarray(c, dtype=np.float32)
        for name, c in {**columns, "spam": sigmoid(final), "phishing": joint}.items()
    }


def crossvalidate(recipe: Recipe, net: NetSettings | None, corpus: str, whole: bool) -> tuple[Rows, Columns]:
    """All rows of the corpus with the scores of the models that had not seen them."""
    parts, scores = split(corpus, whole), list[Columns]()
    for number, part in enumerate(parts):
        work = recipe.out / f"crossval-{corpus}-{number if not whole else 'whole'}"
        kept = work / "scores.npz"
        if not kept.exists():
            data = build(recipe.settings.data, part, without=[corpus] if whole else [])
            np.savez(kept, allow_pickle=False, **judge(recipe, net, data, work))
        with np.load(kept, allow_pickle=False) as arrays:
            scores.append({name: arrays[name] for name in arrays})
    rows = to_rows([example for part in parts for example in part])
    return rows, {name: np.concatenate([columns[name] for columns in scores]) for name in scores[0]}


def figures(rows: Rows, scores: Columns, new: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """Of every score at one half, pooled over the folds; where phishing is labelled, of the three classes too.

    Args:
        rows: of the corpus.
        scores: of these rows.
        new: bool[N], rows that are no near-duplicates of UCI; reported apart.
    """
    spam = rows.spam != UNKNOWN
    found: dict[str, dict[str, float]] = {
        name: summary(rows.spam[spam] == 1, scores[name][spam], 0.5)
        for name in ("gate", "net", "spam")
        if name in scores
    }
    if np.any(rows.phishing == 1):
        found["three_classes"] = three_classes(rows, scores)
        if new.any() and not new.all():
            apart = {name: column[new] for name, column in scores.items()}
            found["three_classes_new_rows"] = three_classes(rows.take(new), apart)
    return found


def three_classes(rows: Rows, scores: Columns) -> dict[str, float]:
    """Ham, spam and phishing told apart: F1 of each and their mean."""
    known = (rows.spam != UNKNOWN) & (rows.phishing != UNKNOWN)
    truth = (rows.spam + (rows.phishing == 1))[known]
    guess = np.where(scores["spam"] >= 0.5, 1 + (scores["phishing"] >= 0.5), 0)[known]
    each = [f1(truth == k, guess == k) for k in range(3)]
    malicious = recall_at_fpr(rows.spam[known] == 1, scores["spam"][known], 0.001)
    names = ("f1_ham", "f1_spam", "f1_phishing")
    return {
        **dict(zip(names, each, strict=True)),
        "macro_f1": float(np.mean(each)),
        "malicious_recall_at_fpr_0.001": malicious,
        "rows": float(len(truth)),
    }


def f1(truth: NDArray[np.bool_], guess: NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall; 0 where neither is defined."""
    both = int(np.sum(truth)) + int(np.sum(guess))
    return 2 * int(np.sum(truth & guess)) / both if both else 0.0


def by_kind(rows: Rows, spam: Scores, phishing: Scores) -> dict[str, dict[str, float]]:
    """Of each kind of message: how many, and the shares called spam and phishing."""
    return {
        str(kind): {
            "rows": float(np.sum(rows.kinds == kind)),
            "spam": float(np.mean(spam[rows.kinds == kind] >= 0.5)),
            "phishing": float(np.mean(phishing[rows.kinds == kind] >= 0.5)),
        }
        for kind in np.unique(rows.kinds)
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--corpus", default="uci")
    parser.add_argument("--config", type=Path, default=Path("configs/training.yaml"))
    parser.add_argument("--out", type=Path, required=True, help="the recipe's folder: its pretrained net is used")
    parser.add_argument(
        "--net", help="version of the net that joins the ensemble; without one, the TF-IDF models alone"
    )
    parser.add_argument("--whole", action="store_true", help="train on no row of the corpus at all")
    chosen = parser.parse_args(arguments)
    settings: RecipeSettings = read_settings(chosen.config)
    net = next((net for net in settings.nets if net.version == chosen.net), None)
    rows, scores = crossvalidate(Recipe(settings, chosen.out), net, chosen.corpus, chosen.whole)
    new = ~np.asarray(twins(rows.texts, [example.text for example in load("uci")]))
    found = {**figures(rows, scores, new), "by_kind": by_kind(rows, scores["spam"], scores["phishing"])}
    written = msgspec.json.format(msgspec.json.encode(found))
    (chosen.out / f"crossval-{chosen.corpus}{'-whole' if chosen.whole else ''}.json").write_bytes(written + b"\n")
    print(written.decode())


if __name__ == "__main__":
    main()
