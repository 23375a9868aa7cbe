"""Teaching an adapter: the loss counts the answer alone. Resumes after the last checkpoint, as if never cut off."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from training.batches import rate_at
from training.checkpoint import load_state, save_state
from training.lora.settings import TuningSettings
from training.progress import Progress

STATE, LOSSES = "adapter.safetensors", "losses.json"
_IGNORED = -100  #: a target that no loss counts


class Lesson(msgspec.Struct, frozen=True):
    """One row as token ids."""

    prompt: list[int]
    answer: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def tune(model: Any, lessons: Sequence[Lesson], settings: TuningSettings, folder: Path) -> list[float]:
    """Teach in place; the mean loss a token of each step.

    Args:
        model: with a fresh adapter.
        lessons: none longer than `settings.max_tokens`.
        settings: how.
        folder: where the state is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = torch.nn.ParameterList(p for p in model.parameters() if p.requires_grad)
    optimiser = torch.optim.AdamW(weights, lr=settings.rate, weight_decay=settings.decay)
    done = load_state(folder / STATE, weights, optimiser)
    losses = _read_losses(folder)[:done]
    each = -(-len(lessons) // settings.rows)
    steps = each * settings.epochs
    progress = Progress("lora", steps, done)
    model.train()
    for step in range(done, steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, steps, settings.warmup, settings.rate)
        losses.append(_step(model, [lessons[i] for i in _chosen(len(lessons), step, each, settings)], step, settings))
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        progress.advance(step + 1, loss=float(np.mean(losses[-20:])))
        if (step + 1) % settings.checkpoint_every == 0 or step + 1 == steps:
            (folder / LOSSES).write_bytes(msgspec.json.encode(losses))
            save_state(folder / STATE, weights, optimiser, step + 1)
    progress.close()
    model.eval()
    return losses


def collate(lessons: Sequence[Lesson], pad: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """int64[N, L] ids, mask and targets of lessons, aligned at their ends."""
    width = max(map(len, lessons))
    rows = [(width - len(each), each) for each in lessons]
    ids = [[pad] * gap + each.prompt + each.answer for gap, each in rows]
    mask = [[0] * gap + [1] * len(each) for gap, each in rows]
    targets = [[_IGNORED] * (width - len(each.answer)) + each.answer for each in lessons]
    return torch.tensor(ids), torch.tensor(mask), torch.tensor(targets)


def answer_loss(model: Any, lessons: Sequence[Lesson]) -> torch.Tensor:
    """Sum of the losses of all tokens of the answers."""
    ids, mask, targets = (tensor.to(model.device) for tensor in collate(lessons, pad=0))
    kept = max(len(each.answer) for each in lessons)
    # The logits of a whole prompt would take more memory than all else; the last one predicts nothing.
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=kept + 1, use_cache=False).logits[:, :-1]
    loss: torch.Tensor = torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), targets[:, -kept:].flatten(), ignore_index=_IGNORED, reduction="sum"
    )
    return loss


def _step(model: Any, lessons: list[Lesson], step: int, settings: TuningSettings) -> float:
    """Gradients of one step; its mean loss. Dropout depends on the step alone, so that a resumed run is the same."""
    torch.manual_seed(settings.seed + step)
    tokens = sum(len(each.answer) for each in lessons)
    lessons = sorted(lessons, key=len)
    total = 0.0
    for start in range(0, len(lessons), settings.at_once):
        with torch.autocast(model.device.type, torch.bfloat16, enabled=model.device.type == "cuda"):
            loss = answer_loss(model, lessons[start : start + settings.at_once]) / tokens
        loss.backward()
        total += loss.item()
    return total


def _chosen(count: int, step: int, each: int, settings: TuningSettings) -> list[int]:
    """Places of the lessons of a step: every epoch is a new order of all."""
    epoch, place = divmod(step, each)
    order = np.random.default_rng([settings.seed, epoch]).permutation(count)
    return [int(i) for i in order[place * settings.rows : (place + 1) * settings.rows]]


def _read_losses(folder: Path) -> list[float]:
    path = folder / LOSSES
    return msgspec.json.decode(path.read_bytes(), type=list[float]) if path.exists() else []
