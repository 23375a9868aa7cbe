"""Masked-language pretraining of the compact net on unlabelled texts. Resumes from its last checkpoint."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import DistilBertForMaskedLM

from training.batches import Ids, encode_texts, epoch, pad, rate_at
from training.checkpoint import load_state, save_state
from training.net import NetSize, masked_language_model, mixed_precision
from training.progress import Progress
from training.tokenizer import MASK, SPECIAL

STATE = "pretrain.safetensors"
IGNORED = -1
SHORTEST = 5  #: tokens, the two special ones included; shorter texts teach nothing


class PretrainSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: int = 2400
    tokens: int = 2048  #: padded tokens a step
    mask: float = 0.2
    rate: float = 8e-4
    warmup: int = 150
    checkpoint_every: int = 100
    seed: int = 2012


def mask_tokens(
    ids: NDArray[np.int64], share: float, vocab_size: int, mask_id: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(masked ids, targets with IGNORED elsewhere): 80 % masked, 10 % another piece, 10 % left, as BERT does."""
    specials = len(SPECIAL)
    chosen = (rng.random(ids.shape) < share) & (ids >= specials)
    how = rng.random(ids.shape)
    masked = np.where(chosen & (how < 0.8), mask_id, ids)
    masked = np.where(chosen & (how >= 0.9), rng.integers(specials, vocab_size, ids.shape), masked)
    return masked, np.where(chosen, ids, IGNORED)


def loss_of(model: DistilBertForMaskedLM, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy at the masked places alone: the projection onto the vocabulary is the dear part."""
    hidden = model.distilbert(input_ids=ids, attention_mask=(ids != 0).long()).last_hidden_state
    places = targets != IGNORED
    hidden = model.vocab_layer_norm(torch.nn.functional.gelu(model.vocab_transform(hidden[places])))
    return torch.nn.functional.cross_entropy(model.vocab_projector(hidden), targets[places])


def pretrain(tokenizer: Tokenizer, texts: list[str], size: NetSize, settings: PretrainSettings, folder: Path) -> None:
    """Pretrain for `settings.steps` steps. State is kept in `folder`; a run that has finished is not begun again."""
    torch.manual_seed(settings.seed)
    model = masked_language_model(size, tokenizer.get_vocab_size())
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=0.01)
    state = folder / STATE
    done = load_state(state, model, optimiser)
    if done < settings.steps:
        encoded = [ids for ids in encode_texts(tokenizer, texts, size.max_tokens) if len(ids) >= SHORTEST]
        _run(model, optimiser, encoded, tokenizer, settings, done, state)


def _run(
    model: DistilBertForMaskedLM,
    optimiser: torch.optim.AdamW,
    encoded: list[Ids],
    tokenizer: Tokenizer,
    settings: PretrainSettings,
    done: int,
    state: Path,
) -> None:
    mask_id, vocab_size = SPECIAL.index(MASK), tokenizer.get_vocab_size()
    rng = np.random.default_rng([settings.seed, done])
    mean = 0.0
    model.train()
    progress = Progress("pretrain", settings.steps, done)
    for step, rows in zip(range(done, settings.steps), _forever(encoded, settings.tokens, rng), strict=False):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, settings.steps, settings.warmup, settings.rate)
        ids, targets = mask_tokens(pad(encoded, rows), settings.mask, vocab_size, mask_id, rng)
        with mixed_precision():
            loss = loss_of(model, torch.from_numpy(ids), torch.from_numpy(targets))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        mean = 0.98 * mean + 0.02 * loss.item() if mean else loss.item()
        if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
            save_state(state, model, optimiser, step + 1)
        progress.advance(step + 1, loss=mean)
    progress.close()


def _forever(encoded: list[Ids], tokens: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    while True:
        yield from epoch(encoded, tokens, rng)
