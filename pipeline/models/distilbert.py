"""A DistilBERT spam classifier in ONNX, INT8 or FP32."""

from pathlib import Path

import numpy as np

from pipeline.batching import Indices, isolate, micro_batches
from pipeline.models.session import open_session
from pipeline.scoring import Platt
from pipeline.tokens import select
from pipeline.types import Floats, TokenBatch


class Transformer:
    """`model.onnx` of a version folder: int64 `input_ids` and `attention_mask` to one raw logit an item."""

    def __init__(self, folder: Path, calibration: Platt, *, budget: int = 128, threads: int = 1) -> None:
        """
        Args:
            folder: the version's folder.
            calibration: from raw to calibrated spam logit.
            budget: padded tokens that one call of the model may hold.
            threads: threads inside an operator.

        Raises:
            ModelError: the model cannot be opened.
        """
        self._session = open_session(folder / "model.onnx", threads)
        self._calibration = calibration
        self.budget = budget

    def logits(self, tokens: TokenBatch) -> Floats:
        """float32[N] calibrated spam logits; NaN for items of length 0 and for items that fail by themselves."""
        out = np.full(len(tokens.lengths), np.nan, dtype=np.float32)
        for items in micro_batches(tokens.lengths, self.budget):
            out[items] = self.micro_batch(select(tokens, items))
        return out

    def micro_batch(self, tokens: TokenBatch) -> Floats:
        """`logits` by one call of the model, padded to the longest item; no item may be empty."""
        starts = np.cumsum(tokens.lengths, dtype=np.int64) - tokens.lengths
        out = np.full(len(tokens.lengths), np.nan, dtype=np.float32)

        def run(items: Indices) -> None:
            lengths = tokens.lengths[items]
            places = np.arange(lengths.max())
            mask = places < lengths[:, None]
            ids = np.zeros(mask.shape, dtype=np.int64)
            ids[mask] = tokens.ids[(starts[items][:, None] + places)[mask]]
            feed = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
            out[items] = self._session.run(None, feed)[0].reshape(len(items))

        isolate(run, np.arange(len(out)))
        return (self._calibration.a * out + self._calibration.b).astype(np.float32)
