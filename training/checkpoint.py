"""Training state on disk: a safetensors file with model, optimiser and step, replaced whole. No pickle."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pipeline.errors import ConfigError

MADE_OF = "made-of.txt"


def same_inputs(folder: Path, settings: object, lines: Iterable[str]) -> None:
    """Refuse to go on with state that was made from other settings or data.

    Args:
        folder: where the state is; its inputs are noted there the first time.
        settings: anything that msgspec encodes.
        lines: the data, in order.

    Raises:
        ConfigError: the folder holds the state of other inputs.
    """
    digest = hashlib.blake2b(msgspec.json.encode(settings), digest_size=16)
    for line in lines:
        digest.update(line.encode(errors="replace") + b"\n")
    note = folder / MADE_OF
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(digest.hexdigest())
    elif note.read_text() != digest.hexdigest():
        raise ConfigError(f"{folder} holds what was made from other settings or data; remove it or name another folder")


def save_weights(path: Path, tensors: dict[str, torch.Tensor], **facts: str) -> None:
    """Write beside and rename, so that a cut-off run leaves the last whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file({name: t.detach().contiguous().clone() for name, t in tensors.items()}, partial, metadata=facts)
    partial.replace(path)


def load_weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(path))


def save_state(path: Path, model: torch.nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Write all that is needed to go on after `step` steps."""
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
        for name, value in optimiser.state[parameter].items():
            state[f"optimiser.{index}.{name}"] = torch.as_tensor(value)
    save_weights(path, state, step=str(step))


def load_state(path: Path, model: torch.nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Load what `save_state` wrote; the number of steps done, 0 where there is nothing."""
    if not path.exists():
        return 0
    state = load_weights(path)
    model.load_state_dict({name.removeprefix("model."): t for name, t in state.items() if name.startswith("model.")})
    for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
        prefix = f"optimiser.{index}."
        optimiser.state[parameter] = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
    with safe_open(path, framework="pt") as opened:
        return int(opened.metadata()["step"])
