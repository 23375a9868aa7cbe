"""The DistilBERT-architecture networks: sizes, construction, and the layers that a smaller one inherits."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import torch
from tokenizers import Tokenizer
from transformers import DistilBertConfig, DistilBertForMaskedLM, DistilBertModel

from pipeline.errors import ConfigError

TOKENIZER = "tokenizer.json"
#: What the net is taught, in the order of its outputs. Spam is what ships; the others steady the body.
HEADS = ("spam", "phishing", "otp")


class NetSize(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    layers: int = 4
    dim: int = 256
    heads: int = 4
    hidden: int = 1024
    max_tokens: int = 96


def config(size: NetSize, vocab_size: int, dropout: float = 0.0) -> DistilBertConfig:
    """Configuration of a net of that size; position embeddings are learned."""
    return DistilBertConfig(
        vocab_size=vocab_size,
        dim=size.dim,
        n_layers=size.layers,
        n_heads=size.heads,
        hidden_dim=size.hidden,
        max_position_embeddings=size.max_tokens,
        dropout=dropout,
        attention_dropout=dropout,
        pad_token_id=0,
        attn_implementation="eager",  # faster than sdpa on short texts on a CPU
    )


def masked_language_model(size: NetSize, vocab_size: int) -> DistilBertForMaskedLM:
    return DistilBertForMaskedLM(config(size, vocab_size))


def mixed_precision() -> AbstractContextManager[None]:
    """bfloat16 on CPUs that multiply it, at 1.6 times the speed; others would only be slowed by it."""
    able = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    autocast: AbstractContextManager[None] = torch.autocast("cpu", dtype=torch.bfloat16, enabled=able)
    return autocast


class SpamNet(torch.nn.Module):  # type: ignore[misc]
    """DistilBERT with one logit a head: int64[N, L] ids and mask to the spam logits, float32[N]."""

    def __init__(self, body: DistilBertModel, dim: int, dropout: float) -> None:
        super().__init__()
        self.body = body
        self.dense = torch.nn.Linear(dim, dim)
        self.dropout = torch.nn.Dropout(dropout)
        self.out = torch.nn.Linear(dim, len(HEADS))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.heads(input_ids, attention_mask)[:, 0]

    def heads(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """float32[N, heads] logits in the order of HEADS."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state[:, 0]
        logits: torch.Tensor = self.out(self.dropout(torch.relu(self.dense(hidden))))
        return logits


def scratch_net(
    size: NetSize,
    vocab_size: int,
    pretrained: dict[str, torch.Tensor],
    layers: Sequence[int],
    dropout: float,
    head_dropout: float,
) -> SpamNet:
    """A net of our own that starts from some layers of a pretrained masked-language model."""
    net = SpamNet(DistilBertModel(config(size, vocab_size, dropout)), size.dim, head_dropout)
    net.body.load_state_dict(body_weights(pretrained, layers))
    return net


def hub_net(base: str, head_dropout: float) -> SpamNet:
    """A net whose body is a DistilBERT of the model hub ("distilbert-base-uncased") or of a local folder.

    Raises:
        ConfigError: there is none of that name, or it cannot be reached.
    """
    try:
        body, loaded = DistilBertModel.from_pretrained(base, attn_implementation="eager", output_loading_info=True)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--base {base}: no DistilBERT there ({type(error).__name__}); give a hub name or a folder"
        ) from None
    if loaded["missing_keys"]:
        raise ConfigError(f"--base {base}: not a DistilBERT, it lacks {len(loaded['missing_keys'])} of its weights")
    return SpamNet(body, body.config.dim, head_dropout)


def hub_tokenizer(base: str) -> Tokenizer:
    """The tokenizer of such a base, from its `tokenizer.json`; a bare `vocab.txt` would lose the vocabulary.

    Raises:
        ConfigError: it has none.
    """
    folder = Path(base)
    try:
        return Tokenizer.from_file(str(folder / TOKENIZER)) if folder.is_dir() else Tokenizer.from_pretrained(base)
    except Exception as error:  # the library raises bare exceptions
        raise ConfigError(f"--base {base}: no {TOKENIZER} there ({type(error).__name__})") from None


def body_weights(pretrained: dict[str, torch.Tensor], layers: Sequence[int]) -> dict[str, torch.Tensor]:
    """Weights of a `DistilBertModel` that keeps only some layers of a pretrained masked-language model."""
    body = {name.removeprefix("distilbert."): t for name, t in pretrained.items() if name.startswith("distilbert.")}
    kept: dict[str, torch.Tensor] = {}
    for name, tensor in body.items():
        if not name.startswith("transformer.layer."):
            kept[name] = tensor
            continue
        index, rest = name.removeprefix("transformer.layer.").split(".", 1)
        if int(index) in layers:
            kept[f"transformer.layer.{layers.index(int(index))}.{rest}"] = tensor
    return kept
