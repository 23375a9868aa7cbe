"""Fine-tuning of a pretrained body into a spam classifier. Resumes after the last whole epoch."""

import time
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.batches import Ids, encode_texts, epoch, pad, rate_at
from training.checkpoint import load_state, save_state
from training.net import NetSize, SpamNet, body_weights, spam_net


class FinetuneSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    epochs: int = 3
    tokens: int = 1536  #: padded tokens a step
    rate: float = 3e-4
    warmup: int = 100
    dropout: float = 0.1
    head_dropout: float = 0.2
    decay: float = 0.01
    seed: int = 2012


def finetune(
    tokenizer: Tokenizer,
    texts: list[str],
    labels: NDArray[np.int8],
    weights: NDArray[np.float32],
    size: NetSize,
    layers: list[int],
    pretrained: dict[str, torch.Tensor],
    settings: FinetuneSettings,
    folder: Path,
) -> SpamNet:
    """A net of `size` that starts from some `layers` of the pretrained one.

    Args:
        texts: canonical, all labelled.
        labels: 0 or 1 of each text.
        weights: of each text in the loss.
        folder: where the state after each epoch is kept.
    """
    torch.manual_seed(settings.seed)
    net = spam_net(size, tokenizer.get_vocab_size(), settings.dropout, settings.head_dropout)
    net.body.load_state_dict(body_weights(pretrained, layers))
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=settings.decay)
    state = folder / "finetune.safetensors"
    done = load_state(state, net, optimiser)
    encoded = encode_texts(tokenizer, texts, size.max_tokens)
    targets = labels.astype(np.float32)
    for number in range(done, settings.epochs):
        _run_epoch(net, optimiser, encoded, targets, weights, settings, number)
        save_state(state, net, optimiser, number + 1)
    net.eval()
    return net


def raw_logits(net: SpamNet, tokenizer: Tokenizer, texts: list[str], max_tokens: int) -> NDArray[np.float32]:
    """float32[N] logits of canonical texts by the net itself."""
    encoded = encode_texts(tokenizer, texts, max_tokens)
    out = np.zeros(len(texts), dtype=np.float32)
    net.eval()
    with torch.no_grad():
        for rows in epoch(encoded, 4096, np.random.default_rng(0)):
            ids = torch.from_numpy(pad(encoded, rows))
            out[rows] = net(ids, (ids != 0).long()).numpy()
    return out


def _run_epoch(
    net: SpamNet,
    optimiser: torch.optim.AdamW,
    encoded: list[Ids],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    settings: FinetuneSettings,
    number: int,
) -> None:
    batches = list(epoch(encoded, settings.tokens, np.random.default_rng([settings.seed, number])))
    steps, began, losses = settings.epochs * len(batches), time.monotonic(), []
    net.train()
    for index, rows in enumerate(batches):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(number * len(batches) + index, steps, settings.warmup, settings.rate)
        ids = torch.from_numpy(pad(encoded, rows))
        logits = net(ids, (ids != 0).long())
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(targets[rows]), torch.from_numpy(weights[rows])
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        if (index + 1) % 200 == 0 or index + 1 == len(batches):
            mean, took = np.mean(losses[-200:]), time.monotonic() - began
            print(f"epoch {number + 1} {index + 1}/{len(batches)} loss {mean:.4f} {took:.0f}s", flush=True)
