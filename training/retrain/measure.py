"""The fixed sets of the gates, and what a transformer with its TF-IDF bundle makes of them."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_store.store import Bundle
from pipeline.errors import ModelError
from pipeline.models.lightgbm import TreeModels
from pipeline.types import TreeScores
from training.calibrate import decisions, sigmoid, skipped
from training.corpora import load
from training.dataset import to_rows
from training.dedupe import uci_split
from training.examples import Example
from training.judge import MODERATE, Figures, Yardstick, merge, other_figures, spam_figures
from training.metrics import Scores
from training.synthetic import generate
from training.transformer import combine, run_exported

SEED = 2031  #: of the generated messages: models are calibrated on those of another seed, and reported on a third
_SENT_BY_PEOPLE = ("chat", "work")


class Trial(msgspec.Struct, frozen=True):
    """What the gates ask: the same messages for every version, so that figures of weeks can be compared."""

    rows: Yardstick
    examples: list[Example]  #: of the corpora among them, which nothing may be trained on that resembles

    @classmethod
    def load(cls, generated: int) -> "Trial":
        """
        Args:
            generated: messages of the grammar's held-out wordings.

        Raises:
            ConfigError: a corpus is missing.
        """
        uci = uci_split(load("uci")).test
        samsung, seed = load("samsung"), load("seed_synthetic")
        grammar = to_rows(generate(generated, SEED, "heldout"))
        return cls(Yardstick(to_rows(uci), grammar, to_rows(samsung), to_rows(seed)), [*uci, *samsung, *seed])


class Measured(msgspec.Struct, frozen=True):
    """Of one version."""

    figures: Figures
    grammar: Scores  #: float64[N] probabilities of spam of the held-out wordings


class _Said(msgspec.Struct, frozen=True):
    """Of one set: the scores of both models, and calibrated logits of spam of both together."""

    trees: TreeScores
    final: Scores


def measure(net: Bundle, trees: Bundle, rows: Yardstick) -> Measured:
    """What a version does, as it would serve at the moderate policy, without rules and with every message asked.

    `cascade.changed` is the share of messages that the cascade would decide differently.

    Raises:
        ModelError: the transformer was calibrated with another bundle.
    """
    ensemble = net.manifest.ensemble
    if ensemble is None or ensemble.partner != trees.manifest.ref:
        raise ModelError(f"{net.manifest.ref} was not calibrated with {trees.manifest.ref}")
    models = TreeModels(trees.path, trees.manifest.calibration)
    said: dict[str, _Said] = {}
    for name, some in msgspec.structs.asdict(rows).items():
        scores = models.score(some.texts, some.senders)
        alone = run_exported(net.path, net.manifest.max_tokens, some.texts, net.manifest.calibration["spam"])
        said[name] = _Said(scores, combine(ensemble, alone, scores.spam))
    spam = {name: sigmoid(each.final) for name, each in said.items()}
    cut, cuts = net.manifest.thresholds["spam"][MODERATE], trees.manifest.thresholds
    figures = merge(
        spam_figures(rows, spam, cut), other_figures(rows, {name: each.trees for name, each in said.items()}, cuts)
    )
    grammar = spam["held_out_grammar"]
    alarmed = (grammar >= cut) | (said["held_out_grammar"].trees.phishing >= cuts["phishing"][MODERATE])
    notices = alarmed[_notices(rows)]
    more = {
        "notices": {"rows": float(len(notices)), "alarm_rate": round(float(np.mean(notices)), 5)},
        "cascade": {"changed": _changed(net, trees, list(said.values()))},
    }
    return Measured({**figures, **more}, grammar)


def _notices(rows: Yardstick) -> NDArray[np.bool_]:
    """Legitimate messages of the grammar that services send, also those that look bad."""
    held = rows.held_out_grammar
    return np.asarray(held.legitimate & ~np.isin(held.kinds, _SENT_BY_PEOPLE))


def _changed(net: Bundle, trees: Bundle, said: Sequence[_Said]) -> float:
    if net.manifest.cascade is None:
        return 0.0
    gate, final, known = (
        np.concatenate(columns)
        for columns in zip(*((each.trees.spam, each.final, each.trees.known) for each in said), strict=True)
    )
    gate_cuts, cuts = (list(each.manifest.thresholds["spam"].values()) for each in (trees, net))
    differs = decisions(gate, gate_cuts) != decisions(final, cuts)
    return round(float(np.mean(skipped(net.manifest.cascade, gate, known) & differs)), 5)
