"""The figures that a manifest carries: the grouped UCI test, held-out grammar, and corpora no model was trained on."""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.types import INTENTS, TreeScores
from training.corpora import load
from training.dataset import Dataset, Rows, to_rows
from training.metrics import Scores, summary

MODERATE = "0.001"  #: key of the threshold that the moderate policy reads

Figures = dict[str, dict[str, float]]


class Yardstick(msgspec.Struct, frozen=True):
    """Rows that every model is judged on."""

    uci_test: Rows
    held_out_grammar: Rows
    samsung: Rows
    seed_synthetic: Rows


def yardstick(data: Dataset) -> Yardstick:
    """Load the evaluation-only corpora beside the test rows of a data set."""
    return Yardstick(
        uci_test=data.test,
        held_out_grammar=data.validation.take(data.validation.sources == "synthetic"),
        samsung=to_rows(load("samsung")),
        seed_synthetic=to_rows(load("seed_synthetic")),
    )


def spam_figures(rows: Yardstick, spam: Mapping[str, Scores], threshold: float) -> Figures:
    """What a spam score does to each set.

    Args:
        rows: the sets.
        spam: name of the set to calibrated probabilities of its rows.
        threshold: of the moderate policy.
    """
    held = rows.held_out_grammar
    known = held.spam >= 0
    blocked = spam["samsung"] >= threshold
    return {
        "uci_test": summary(rows.uci_test.spam == 1, spam["uci_test"], threshold),
        "held_out_grammar": summary(held.spam[known] == 1, spam["held_out_grammar"][known], threshold),
        "samsung_info": {"spam_rate": _share(blocked[rows.samsung.kinds == "info"])},
        "samsung_ham": {"spam_rate": _share(blocked[rows.samsung.kinds == "ham"])},
        "seed_synthetic": {"spam_rate": _share(spam["seed_synthetic"] >= threshold)},
    }


def other_figures(
    rows: Yardstick, scores: Mapping[str, TreeScores], cuts: Mapping[str, Mapping[str, float]]
) -> Figures:
    """Phishing, OTP and intent on the same sets."""
    phishing, otp = cuts["phishing"][MODERATE], cuts["otp"]["0.005"]
    held, seed = rows.held_out_grammar, rows.seed_synthetic
    called = scores["samsung"].phishing >= phishing
    known = held.phishing >= 0
    guessed = scores["seed_synthetic"].intent.argmax(axis=1)
    return {
        "held_out_grammar": {
            **_prefixed(
                "phishing", summary(held.phishing[known] == 1, scores["held_out_grammar"].phishing[known], phishing)
            ),
            **_prefixed("otp", summary(held.otp == 1, scores["held_out_grammar"].otp, otp)),
            "intent_accuracy": _intent_accuracy(held, scores["held_out_grammar"].intent),
        },
        "samsung_info": {"phishing_rate": _share(called[rows.samsung.kinds == "info"])},
        "samsung_ham": {"phishing_rate": _share(called[rows.samsung.kinds == "ham"])},
        "seed_synthetic": {
            "otp_recall": _share(scores["seed_synthetic"].otp >= otp),
            "intent_accuracy": _share(guessed == seed.intent),
            "phishing_rate": _share(scores["seed_synthetic"].phishing >= phishing),
            **{f"recall_{INTENTS[i]}": _share(guessed[seed.intent == i] == i) for i in np.unique(seed.intent)},
        },
    }


def merge(first: Figures, second: Figures) -> Figures:
    """Both, set by set."""
    return {
        name: {**first.get(name, {}), **second.get(name, {})}
        for name in [*first, *(n for n in second if n not in first)]
    }


def by_kind(rows: Rows, decided: NDArray[np.bool_]) -> dict[str, tuple[int, float]]:
    """Kind to its rows and the share of them that a decision hit, largest share first."""
    found = {
        str(kind): (int(np.sum(rows.kinds == kind)), _share(decided[rows.kinds == kind]))
        for kind in np.unique(rows.kinds)
    }
    return dict(sorted(found.items(), key=lambda item: -item[1][1]))


def _intent_accuracy(rows: Rows, intents: NDArray[np.float32]) -> float:
    otps = rows.intent > 0
    return _share(intents[otps].argmax(axis=1) == rows.intent[otps])


def _prefixed(task: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{task}_{name}": value for name, value in figures.items()}


def _share(decided: NDArray[np.bool_]) -> float:
    return round(float(np.mean(decided)), 5) if len(decided) else 0.0
