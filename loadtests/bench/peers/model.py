"""The model that all peers serve: tokenizer, padding to the longest of the batch, ONNX Runtime, sigmoid."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer


@dataclass(frozen=True)
class Options:
    """How one peer is to run; its worker processes inherit them as environment variables."""

    model: Path  #: version folder with model.onnx, tokenizer.json and manifest.json
    port: int
    batch: int  #: most messages of a batch; 1: no batching
    wait_ms: float  #: longest wait for a batch to fill
    workers: int  #: processes that hold the model

    def variables(self) -> dict[str, str]:
        return {f"PEER_{name.upper()}": str(value) for name, value in vars(self).items()}


def options() -> Options:
    """What the bench has asked for."""
    env = os.environ
    return Options(
        model=Path(env["PEER_MODEL"]),
        port=int(env["PEER_PORT"]),
        batch=int(env["PEER_BATCH"]),
        wait_ms=float(env["PEER_WAIT_MS"]),
        workers=int(env["PEER_WORKERS"]),
    )


class Model:
    """One session with one thread inside an operator."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(json.loads((folder / "manifest.json").read_text())["max_tokens"])
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = 1
        settings.inter_op_num_threads = 1
        self._session = ort.InferenceSession(str(folder / "model.onnx"), settings, providers=["CPUExecutionProvider"])

    def score(self, texts: Sequence[str]) -> list[float]:
        """Spam scores from 0 to 1, uncalibrated, in the order of the texts."""
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        logits = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0].reshape(len(rows))
        scores: list[float] = (1 / (1 + np.exp(-logits))).tolist()
        return scores
