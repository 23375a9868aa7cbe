"""The net that serves, as it was trained: an exported INT8 model cannot be trained on, its checkpoint can."""

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import DistilBertModel

from model_store.store import Bundle
from pipeline.errors import ConfigError
from training.checkpoint import load_weights
from training.finetune import raw_logits
from training.net import TOKENIZER, NetSize, SpamNet, config
from training.settings import NetSettings
from training.transformer import run_exported

#: Root mean square of the difference of logits, as a share of their spread: rounding to eight bits stays far below.
_APART = 0.25

Weights = dict[str, torch.Tensor]


def serving_net(checkpoint: Path, bundle: Bundle, net: NetSettings, heads: int) -> tuple[SpamNet, Tokenizer]:
    """The trained net behind a published version, and its tokenizer.

    Args:
        checkpoint: what fine-tuning left, see `training.nets.tuned_weights`.
        bundle: the version.
        net: its dropouts in what follows.
        heads: attention heads, which no weight tells.

    Raises:
        ConfigError: the file is no checkpoint, or one of a net of another shape.
    """
    try:
        weights = load_weights(checkpoint)
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"{checkpoint} cannot be read as a checkpoint: {error}") from None
    own = {name.removeprefix("model."): each for name, each in weights.items() if name.startswith("model.")}
    tokenizer = Tokenizer.from_file(str(bundle.path / TOKENIZER))
    try:
        made = _net(own, net, heads)
    except (KeyError, RuntimeError, ValueError):
        raise ConfigError(f"{checkpoint} is no checkpoint of a net with {heads} attention heads") from None
    return made, tokenizer


def check_origin(net: SpamNet, tokenizer: Tokenizer, bundle: Bundle, texts: list[str], checkpoint: Path) -> None:
    """Refuse a checkpoint that is not that of the version.

    Raises:
        ConfigError: on these canonical texts the two do not say the same.
    """
    longest = bundle.manifest.max_tokens
    said, exported = raw_logits(net, tokenizer, texts, longest), run_exported(bundle.path, longest, texts)
    if not float(np.sqrt(np.mean((said - exported) ** 2))) < _APART * float(np.std(exported)):
        raise ConfigError(f"{checkpoint} is the checkpoint of another version than {bundle.manifest.ref}")


def _net(weights: Weights, settings: NetSettings, heads: int) -> SpamNet:
    size, vocabulary = _size(weights, heads), len(weights["body.embeddings.word_embeddings.weight"])
    body = DistilBertModel(config(size, vocabulary, settings.finetune.dropout))
    net = SpamNet(body, size.dim, settings.finetune.head_dropout)
    net.load_state_dict(weights)
    return net


def _size(weights: Weights, heads: int) -> NetSize:
    longest, dim = weights["body.embeddings.position_embeddings.weight"].shape
    layers = {name.split(".")[3] for name in weights if name.startswith("body.transformer.layer.")}
    hidden = len(weights["body.transformer.layer.0.ffn.lin1.weight"])
    return NetSize(layers=len(layers), dim=dim, heads=heads, hidden=hidden, max_tokens=longest)
