"""A net from its beginning, pretrained here or elsewhere, to a fine-tuned spam classifier."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pipeline.errors import ConfigError
from training.checkpoint import load_weights, same_inputs
from training.dataset import UNKNOWN, Dataset, Rows
from training.early import BEST, EarlyStop
from training.finetune import STATE as TUNED
from training.finetune import finetune
from training.net import TOKENIZER, NetSize, SpamNet, hub_net, hub_tokenizer, scratch_net
from training.pretrain import STATE
from training.settings import SCRATCH, NetSettings, RecipeSettings

Start = Callable[[], tuple[SpamNet, Tokenizer]]  #: the net to fine-tune, and its tokenizer


class Pretrained(msgspec.Struct, frozen=True):
    """A masked-language model of ours, and the tokenizer that it was pretrained with."""

    tokenizer: Tokenizer
    weights: dict[str, torch.Tensor]
    size: NetSize


def load_pretrained(folder: Path, size: NetSize) -> Pretrained:
    """What a recipe left in its folder.

    Raises:
        ConfigError: nothing was pretrained there.
    """
    state = folder / "pretrained" / STATE
    if not state.exists():
        raise ConfigError(f"{folder} holds no pretrained net; make train makes one")
    weights = {name.removeprefix("model."): t for name, t in load_weights(state).items() if name.startswith("model.")}
    return Pretrained(Tokenizer.from_file(str(folder / TOKENIZER)), weights, size)


def first_net(settings: NetSettings, pretrained: Callable[[], Pretrained]) -> tuple[SpamNet, Tokenizer]:
    """The net to fine-tune, and its tokenizer; new weights depend on the seed alone."""
    tuning = settings.finetune
    torch.manual_seed(tuning.seed)
    if settings.base != SCRATCH:
        return hub_net(settings.base, tuning.head_dropout), hub_tokenizer(settings.base)
    start = pretrained()
    size = msgspec.structs.replace(start.size, layers=len(settings.layers))
    vocabulary = start.tokenizer.get_vocab_size()
    dropouts = tuning.dropout, tuning.head_dropout
    return scratch_net(size, vocabulary, start.weights, settings.layers, *dropouts), start.tokenizer


def tuned_net(
    net: NetSettings, recipe: RecipeSettings, pretrained: Callable[[], Pretrained], data: Dataset, folder: Path
) -> tuple[SpamNet, Tokenizer]:
    """The net fine-tuned on the training rows of a data set; its state is kept in `folder`.

    Raises:
        ConfigError: the folder holds the state of other settings or data.
    """
    return tuned_from(lambda: first_net(net, pretrained), net, recipe, data, folder)


def tuned_from(
    start: Start, net: NetSettings, recipe: RecipeSettings, data: Dataset, folder: Path, patience: int = 0
) -> tuple[SpamNet, Tokenizer]:
    """As `tuned_net`, from the net that `start` gives.

    Args:
        start: is not called where the folder holds what was made from other settings or data.
        net: how it is tuned.
        recipe: which rows it sees.
        data: all rows.
        folder: where the state is kept.
        patience: epochs without gain on the validation rows after which it ends; 0: never before the last.
    """
    chosen = finetuning_rows(data.train, recipe.finetuning)
    rows, weights = data.train.take(chosen), data.weights[chosen]
    same_inputs(folder, (net, recipe.net, recipe.pretrain, weights.tolist()), rows.texts)
    model, tokenizer = start()
    stop = EarlyStop(tokenizer, data.validation, net.max_tokens, folder, patience) if patience else None
    return finetune(model, tokenizer, rows, weights, net.max_tokens, net.finetune, folder, stop), tokenizer


def tuned_weights(folder: Path) -> Path:
    """The file with the weights of a net that was fine-tuned in `folder`, each named "model.…"."""
    best = folder / BEST
    return best if best.exists() else folder / TUNED


def finetuning_rows(rows: Rows, limits: Mapping[str, int]) -> NDArray[np.intp]:
    """Labelled rows, those of plentiful sources thinned out evenly.

    Args:
        rows: training rows.
        limits: source to how many of its rows are kept.
    """
    keep = rows.spam != UNKNOWN
    for source, limit in limits.items():
        places = np.flatnonzero(keep & (rows.sources == source))
        keep[places] = False
        keep[places[:: max(1, -(-len(places) // limit))]] = True
    return np.flatnonzero(keep)
