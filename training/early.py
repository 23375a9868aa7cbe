"""Fine-tuning that ends when it no longer helps: the epoch of least validation loss is kept."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from tokenizers import Tokenizer

from training.calibrate import log_loss
from training.checkpoint import load_weights, save_weights
from training.dataset import UNKNOWN, Rows, evenly
from training.finetune import raw_logits
from training.net import SpamNet

BEST = "best.safetensors"
_ROWS = 4000  #: of validation, on which an epoch is judged


class EarlyStop:
    """Judges the net after each epoch. What it found is on disk: a resumed run judges no epoch twice.

    Args:
        tokenizer: of the net.
        rows: of validation.
        max_tokens: longer texts are cut.
        folder: where the best weights are kept.
        patience: epochs without a new best before it says stop.
    """

    def __init__(self, tokenizer: Tokenizer, rows: Rows, max_tokens: int, folder: Path, patience: int) -> None:
        self._tokenizer, self._max_tokens, self._patience = tokenizer, max_tokens, patience
        self._rows = evenly(rows.take(rows.spam != UNKNOWN), _ROWS)
        self._path = folder / BEST

    def __call__(self, net: SpamNet, epoch: int) -> bool:
        """Whether to stop after `epoch` epochs; 0: before the first, with the weights that the net begins with."""
        best, least, judged = self._found()
        if epoch > judged:
            loss = self.loss(net)
            print(f"epoch {epoch}: validation loss {loss:.5f}", flush=True)
            if loss < least:
                best, least = epoch, loss
                self._keep(net.state_dict(), best, least, epoch)
            else:
                self._keep(self._weights(), best, least, epoch)
        return epoch - best >= self._patience

    def loss(self, net: SpamNet) -> float:
        """Mean log loss of spam on the validation rows."""
        logits: NDArray[np.float32] = raw_logits(net, self._tokenizer, self._rows.texts, self._max_tokens)
        return log_loss(self._rows.spam == 1, logits)

    def restore(self, net: SpamNet) -> None:
        """Give the net the weights of its best epoch."""
        net.load_state_dict(self._weights())

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name.removeprefix("model."): tensor for name, tensor in load_weights(self._path).items()}

    def _found(self) -> tuple[int, float, int]:
        """Best epoch, its loss, and the last epoch that was judged."""
        if not self._path.exists():
            return 0, np.inf, -1
        with safe_open(self._path, framework="pt") as opened:
            facts = opened.metadata()
        return int(facts["best"]), float(facts["loss"]), int(facts["judged"])

    def _keep(self, weights: dict[str, torch.Tensor], best: int, loss: float, judged: int) -> None:
        named = {f"model.{name}": tensor for name, tensor in weights.items()}
        save_weights(self._path, named, best=str(best), loss=repr(loss), judged=str(judged))
