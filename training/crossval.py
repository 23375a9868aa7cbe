"""Figures of the whole recipe by cross-validation: `python -m training.crossval --corpus uci --out build/crossval`.

Each fold of a corpus, grouped by near-duplicates, is judged by models that were taught nothing of it nor of its twins:
TF-IDF models, the fine-tuned net, their calibration and their ensemble are made anew for each, with all other data.
With `--whole` the corpus is one fold and no row of it is taught: what the models make of traffic of another origin.
The body of the net is that of a recipe; what it was pretrained on, without labels, `Recipe.texts` says.
A fold whose scores are in the output folder is not done again.
"""

import argparse
import sys
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.errors import ConfigError
from pipeline.models.lightgbm import as_spam
from training.calibrate import sigmoid
from training.checkpoint import same_inputs
from training.corpora import load
from training.dataset import UNKNOWN, Dataset, Rows, build, to_rows
from training.dedupe import drop_duplicates, folds, grouped
from training.examples import Example
from training.finetune import raw_logits
from training.gate import GateTrainer
from training.intervals import bootstrap_mcc, bootstrap_recall_at_fpr, wilson
from training.judge import by_kind as shares_by_kind
from training.metrics import Bools, Scores, confusion, recall_at_fpr, summary
from training.neardup import twins
from training.nets import Pretrained, load_pretrained, tuned_net
from training.settings import NetSettings, RecipeSettings, read_settings
from training.transformer import combine, join

FOLDS, SEED = 5, 2012
SCORES = ("gate", "net", "spam")  #: of spam: the TF-IDF models, the net, both

Columns = dict[
    str, Scores
]  #: float64[N] each; "gate", "net" and "spam": probabilities of spam; "phishing": of phishing


def split(corpus: str, whole: bool) -> list[list[Example]]:
    """The corpus without duplicates, in folds that no near-duplicate straddles."""
    examples = grouped(drop_duplicates(load(corpus)))
    if whole:
        return [examples]
    parts = folds([e.group for e in examples], FOLDS, SEED, [e.spam for e in examples])
    return [[e for e, part in zip(examples, parts, strict=True) if part == fold] for fold in range(FOLDS)]


class Trial(msgspec.Struct, frozen=True):
    """What is cross-validated: a recipe with one of its nets, or with the TF-IDF models alone."""

    settings: RecipeSettings
    net: NetSettings | None
    body: Path  #: folder of the recipe whose pretrained net is used
    out: Path

    def pretrained(self) -> Pretrained:
        return load_pretrained(self.body, self.settings.net)


def judge(trial: Trial, data: Dataset, work: Path) -> Columns:
    """Scores of the test rows of `data` by models that are trained on its training rows."""
    settings, net = trial.settings, trial.net
    trainer = GateTrainer(data, settings.gate, work / "feature_map.json", settings.threads)
    validation, test = trainer.features(data.validation), trainer.features(data.test)
    spam, phishing = trainer.train("spam"), trainer.train("phishing")
    gate = spam.logits(test)[:, 0]
    joint = as_spam(sigmoid(phishing.logits(test)[:, 0]), sigmoid(gate))
    if net is None:
        return {"gate": sigmoid(gate), "spam": sigmoid(gate), "phishing": joint}
    body, tokenizer = tuned_net(net, settings, trial.pretrained, data, work)
    raw, seen = (raw_logits(body, tokenizer, rows.texts, net.max_tokens) for rows in (data.test, data.validation))
    platt, ensemble = join(seen, data.validation, data.validation_weights, spam.logits(validation)[:, 0], "gate")
    alone = np.asarray(platt.a * raw + platt.b, dtype=np.float64)
    final = combine(ensemble, alone, gate)
    print(f"ensemble: {ensemble}", file=sys.stderr, flush=True)
    return {"gate": sigmoid(gate), "net": sigmoid(alone), "spam": sigmoid(final), "phishing": joint}


def crossvalidate(trial: Trial, corpus: str, whole: bool) -> tuple[Rows, Columns]:
    """All rows of the corpus with the scores of the models that had not been taught them.

    Raises:
        ConfigError: the folder holds folds of other settings or data.
    """
    torch.set_num_threads(trial.settings.threads)
    parts, scores = split(corpus, whole), list[Columns]()
    for number, part in enumerate(parts):
        work = trial.out / f"{corpus}-{'whole' if whole else number}-{trial.net.version if trial.net else 'gate'}"
        same_inputs(work / "scores", (trial.settings, trial.net), (example.text for example in part))
        kept = work / "scores" / "scores.npz"
        if not kept.exists():
            data = build(trial.settings.data, part, without=[corpus] if whole else [])
            _save(kept, judge(trial, data, work))
        with np.load(kept, allow_pickle=False) as arrays:
            scores.append({name: arrays[name] for name in arrays})
    rows = to_rows([example for part in parts for example in part])
    return rows, {name: np.concatenate([columns[name] for columns in scores]) for name in scores[0]}


def _save(path: Path, columns: Columns) -> None:
    """Write beside and rename, so that a cut-off run leaves no half file."""
    partial = path.with_name("partial.npz")
    np.savez(partial, allow_pickle=False, **columns)
    partial.replace(path)


def figures(rows: Rows, scores: Columns, new: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """Of every score at one half, pooled over the folds; where phishing is labelled, of the three classes too.

    Args:
        rows: of the corpus.
        scores: of these rows.
        new: bool[N], rows that are no near-duplicates of UCI; reported apart.
    """
    spam = rows.spam != UNKNOWN
    labels = rows.spam[spam] == 1
    found: dict[str, dict[str, float]] = {
        name: _binary(labels, scores[name][spam]) for name in SCORES if name in scores
    }
    if np.any(rows.phishing == 1):
        found["three_classes"] = three_classes(rows, scores)
        if new.any() and not new.all():
            apart = {name: column[new] for name, column in scores.items()}
            found["three_classes_new_rows"] = three_classes(rows.take(new), apart)
    return found


def _binary(labels: Bools, scores: Scores) -> dict[str, float]:
    """The figures of a manifest, and 95 % intervals of what is compared with others."""
    counts = confusion(labels, scores >= 0.5)
    intervals = {
        "accuracy": wilson(counts.true_positive + counts.true_negative, counts.rows),
        "mcc": bootstrap_mcc(counts),
        "recall_at_fpr_0.001": bootstrap_recall_at_fpr(labels, scores, 0.001).interval or (0.0, 1.0),
    }
    ends = {
        f"{name}_{end}": round(x, 5)
        for name, pair in intervals.items()
        for end, x in zip(("low", "high"), pair, strict=True)
    }
    return {**summary(labels, scores, 0.5), **ends}


def three_classes(rows: Rows, scores: Columns) -> dict[str, float]:
    """Ham, spam and phishing told apart: F1 of each and their mean."""
    known = (rows.spam != UNKNOWN) & (rows.phishing != UNKNOWN)
    truth = (rows.spam + (rows.phishing == 1))[known]
    guess = np.where(scores["spam"] >= 0.5, 1 + (scores["phishing"] >= 0.5), 0)[known]
    each = [confusion(truth == k, guess == k).f1 for k in range(3)]
    return {
        **dict(zip(("f1_ham", "f1_spam", "f1_phishing"), each, strict=True)),
        "macro_f1": float(np.mean(each)),
        "malicious_recall_at_fpr_0.001": recall_at_fpr(rows.spam[known] == 1, scores["spam"][known], 0.001),
        "rows": float(len(truth)),
    }


def by_kind(rows: Rows, spam: Scores, phishing: Scores) -> dict[str, dict[str, float]]:
    """Of each kind of message: how many, and the shares called spam and phishing."""
    called = shares_by_kind(rows, phishing >= 0.5)
    return {
        kind: {"rows": float(count), "spam": share, "phishing": called[kind][1]}
        for kind, (count, share) in shares_by_kind(rows, spam >= 0.5).items()
    }


def find_net(settings: RecipeSettings, version: str | None) -> NetSettings | None:
    """The net of that version; none where no version is named.

    Raises:
        ConfigError: the settings hold no such version; lists those that there are.
    """
    found = [net for net in settings.nets if net.version == version]
    if version and not found:
        raise ConfigError(f"--net {version}: the settings hold {', '.join(net.version for net in settings.nets)}")
    return found[0] if found else None


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures of the whole recipe by cross-validation.")
    parser.add_argument("--corpus", default="uci")
    parser.add_argument("--config", type=Path, default=Path("configs/crossval.yaml"))
    parser.add_argument("--out", type=Path, default=Path("build/crossval"), help="folder of the folds")
    parser.add_argument("--pretrained", type=Path, default=Path("build/models"), help="folder of a recipe with its net")
    parser.add_argument(
        "--net", help="version of the net that joins the ensemble; without one, the TF-IDF models alone"
    )
    parser.add_argument("--whole", action="store_true", help="teach no row of the corpus at all")
    chosen = parser.parse_args()
    settings = read_settings(chosen.config)
    trial = Trial(settings, find_net(settings, chosen.net), chosen.pretrained, chosen.out)
    rows, scores = crossvalidate(trial, chosen.corpus, chosen.whole)
    new = ~np.asarray(twins(rows.texts, [example.text for example in load("uci")]))
    found = {**figures(rows, scores, new), "by_kind": by_kind(rows, scores["spam"], scores["phishing"])}
    print(msgspec.json.format(msgspec.json.encode(found)).decode())


if __name__ == "__main__":
    main()
