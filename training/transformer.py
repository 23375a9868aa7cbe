"""A spam net as it ships: exported, quantised, calibrated, joined with the gate."""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pipeline.models.distilbert import Transformer
from pipeline.models.tokenizer import WordPiece
from pipeline.scoring import Cascade, Ensemble, Platt
from pipeline.types import TreeScores
from training.calibrate import fit_cascade, fit_ensemble, fit_platt, sigmoid, thresholds
from training.dataset import UNKNOWN, Rows, as_traffic, evenly
from training.export import export_onnx, quantise
from training.finetune import raw_logits
from training.metrics import Scores
from training.net import SpamNet
from training.tokenizer import save

CASCADE_MARGIN = 0.5  #: logits between the last validation row that needed the transformer and the shortcut
KNOWN_QUANTILE = 0.05  #: of the validation rows, by share of known words: less than theirs is foreign text


class Calibrated(msgspec.Struct, frozen=True):
    """What a manifest needs to know of an exported net."""

    platt: Platt
    ensemble: Ensemble
    cascade: Cascade
    thresholds: dict[str, float]
    parity: dict[str, float]


def export_net(net: SpamNet, tokenizer: Tokenizer, folder: Path) -> None:
    """Write `model.onnx` (INT8) and `tokenizer.json` into `folder`, the FP32 model beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    full = folder.with_suffix(".fp32")
    full.mkdir(exist_ok=True)
    export_onnx(net, full / "model.onnx")
    quantise(full / "model.onnx", folder / "model.onnx")
    tokenizer.no_truncation()
    save(tokenizer, folder / "tokenizer.json")


def calibrate_net(
    raw: Scores,
    rows: Rows,
    weights: NDArray[np.float32],
    gate: TreeScores,
    gate_cuts: dict[str, float],
    partner: str,
    parity: dict[str, float],
) -> Calibrated:
    """Fit everything that turns raw logits into decisions, on validation rows.

    Args:
        raw: float32[N] logits of the exported net.
        rows: validation rows.
        weights: float32[N] of these rows in the fits.
        gate: scores of the TF-IDF bundle for these rows.
        gate_cuts: thresholds of the gate's own spam probability.
        partner: "name/version" of that bundle.
        parity: see `parity`.
    """
    platt, ensemble = join(raw, rows, weights, gate.spam, partner)
    final = combine(ensemble, platt.a * raw + platt.b, gate.spam)
    cuts = thresholds(sigmoid(final)[rows.legitimate], as_traffic(rows)[rows.legitimate])
    cascade = fit_cascade(
        gate.spam,
        final,
        gate.known,
        gate_cuts=list(gate_cuts.values()),
        final_cuts=list(cuts.values()),
        min_known=round(float(np.quantile(gate.known, KNOWN_QUANTILE)), 3),
        margin=CASCADE_MARGIN,
    )
    return Calibrated(platt, ensemble, cascade, cuts, parity)


def join(raw: Scores, rows: Rows, weights: NDArray[np.float32], gate: Scores, partner: str) -> tuple[Platt, Ensemble]:
    """Calibration of the net's raw logits, and how they are joined with the gate's; fitted on the labelled rows."""
    known, labels = rows.spam != UNKNOWN, rows.spam == 1
    platt = fit_platt(labels[known], raw[known], weights[known])
    logits = platt.a * raw + platt.b
    return platt, fit_ensemble(labels[known], logits[known], gate[known], partner, weights[known])


def combine(ensemble: Ensemble, transformer: Scores, gate: Scores) -> Scores:
    """Final spam logits of calibrated logits."""
    return np.asarray(ensemble.a * (ensemble.weight * transformer + (1 - ensemble.weight) * gate) + ensemble.b)


def run_exported(folder: Path, max_tokens: int, texts: list[str], platt: Platt | None = None) -> Scores:
    """float32[N] logits by the very code that serves; raw unless a calibration is given."""
    model = Transformer(folder, platt or Platt(), budget=1024, threads=2)
    return model.logits(WordPiece(folder, max_tokens).encode(texts))


def parity(net: SpamNet, tokenizer: Tokenizer, folder: Path, max_tokens: int, rows: Rows) -> dict[str, float]:
    """How far FP32 and INT8 are from the trainer: differences of the probability, decisions, accuracy.

    Compared on up to 1,000 labelled rows.
    """
    some = evenly(rows.take(rows.spam != UNKNOWN))
    trainer = sigmoid(raw_logits(net, tokenizer, some.texts, max_tokens))
    full, small = folder.with_suffix(".fp32"), folder
    (full / "tokenizer.json").write_bytes((small / "tokenizer.json").read_bytes())
    fp32, int8 = (sigmoid(run_exported(path, max_tokens, some.texts)) for path in (full, small))
    right = [float(np.mean((scores >= 0.5) == (some.spam == 1))) for scores in (fp32, int8)]
    return {
        "texts": float(len(some)),
        "max_fp32_difference": round(float(np.max(np.abs(fp32 - trainer))), 6),
        "max_int8_difference": round(float(np.max(np.abs(int8 - trainer))), 6),
        "int8_decisions_changed": float(np.sum((int8 >= 0.5) != (trainer >= 0.5))),
        "int8_accuracy_points_lost": round(100 * (right[0] - right[1]), 3),
    }
