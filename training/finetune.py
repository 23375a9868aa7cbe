"""Fine-tuning of a pretrained body into a spam classifier. Resumes after the last whole epoch."""

from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.batches import Ids, encode_texts, epoch, pad, rate_at
from training.checkpoint import load_state, save_state
from training.dataset import UNKNOWN, Rows
from training.net import HEADS, SpamNet, mixed_precision
from training.progress import Progress

STATE = "finetune.safetensors"


class FinetuneSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    epochs: int = 3
    tokens: int = 1536  #: padded tokens a step
    rate: float = 3e-4
    warmup: int = 100
    dropout: float = 0.1
    head_dropout: float = 0.2
    decay: float = 0.01
    heads: tuple[str, ...] = ("spam",)  #: of HEADS, those that count in the loss; spam always does
    other_heads: float = 0.3  #: weight of each head but spam
    seed: int = 2012


class Stop(Protocol):
    """Ends fine-tuning before its last epoch, see `training.early`."""

    def __call__(self, net: SpamNet, epoch: int, /) -> bool:
        """Whether to stop after `epoch` epochs; asked before the first, too."""
        ...

    def restore(self, net: SpamNet, /) -> None:
        """Give the net the weights that are to be kept."""
        ...


def finetune(
    net: SpamNet,
    tokenizer: Tokenizer,
    rows: Rows,
    weights: NDArray[np.float32],
    max_tokens: int,
    settings: FinetuneSettings,
    folder: Path,
    stop: Stop | None = None,
) -> SpamNet:
    """Teach `net` the rows; a head learns nothing from a row without its label.

    Args:
        net: changed in place.
        tokenizer: of that net.
        rows: canonical texts with labels.
        weights: of each row in the loss.
        max_tokens: longer texts are cut.
        settings: how.
        folder: where the state after each epoch is kept.
        stop: else all epochs are run, and the last one's weights are kept.
    """
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=settings.decay)
    state = folder / STATE
    done = load_state(state, net, optimiser)
    encoded = encode_texts(tokenizer, rows.texts, max_tokens)
    targets = np.stack([rows.label(task) for task in HEADS], axis=1)
    strengths = weights[:, None] * _head_weights(settings) * (targets != UNKNOWN)
    for number in range(done, settings.epochs):
        if stop and stop(net, number):
            break
        _run_epoch(net, optimiser, encoded, targets.astype(np.float32), strengths, settings, number)
        save_state(state, net, optimiser, number + 1)
    else:
        if stop:
            stop(net, settings.epochs)
    if stop:
        stop.restore(net)
    net.eval()
    return net


def raw_logits(net: SpamNet, tokenizer: Tokenizer, texts: list[str], max_tokens: int) -> NDArray[np.float32]:
    """float32[N] spam logits of canonical texts by the net itself."""
    encoded = encode_texts(tokenizer, texts, max_tokens)
    out = np.zeros(len(texts), dtype=np.float32)
    net.eval()
    with torch.no_grad():
        for rows in epoch(encoded, 4096, np.random.default_rng(0)):
            ids = torch.from_numpy(pad(encoded, rows))
            out[rows] = net(ids, (ids != 0).long()).numpy()
    return out


def _head_weights(settings: FinetuneSettings) -> NDArray[np.float32]:
    """float32[heads]"""
    chosen = [1.0 if h == "spam" else settings.other_heads if h in settings.heads else 0.0 for h in HEADS]
    return np.asarray(chosen, dtype=np.float32)


def _run_epoch(
    net: SpamNet,
    optimiser: torch.optim.AdamW,
    encoded: list[Ids],
    targets: NDArray[np.float32],
    strengths: NDArray[np.float32],
    settings: FinetuneSettings,
    number: int,
) -> None:
    torch.manual_seed(settings.seed + number)
    batches = list(epoch(encoded, settings.tokens, np.random.default_rng([settings.seed, number])))
    steps, losses = settings.epochs * len(batches), []
    progress = Progress(f"epoch {number + 1}/{settings.epochs}", len(batches))
    net.train()
    for index, rows in enumerate(batches):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(number * len(batches) + index, steps, settings.warmup, settings.rate)
        ids = torch.from_numpy(pad(encoded, rows))
        with mixed_precision():
            logits = net.heads(ids, (ids != 0).long())
        known, strength = torch.from_numpy(targets[rows]).clamp(min=0), torch.from_numpy(strengths[rows])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), known, strength)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        progress.advance(index + 1, loss=float(np.mean(losses[-200:])))
    progress.close()
