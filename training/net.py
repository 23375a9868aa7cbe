"""The DistilBERT-architecture networks: sizes, construction, and the layers that a smaller one inherits."""

import msgspec
import torch
from transformers import DistilBertConfig, DistilBertForMaskedLM, DistilBertModel


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


class SpamNet(torch.nn.Module):  # type: ignore[misc]
    """DistilBERT with one logit: int64[N, L] ids and mask to float32[N]."""

    def __init__(self, body: DistilBertModel, dim: int, dropout: float) -> None:
        super().__init__()
        self.body = body
        self.dense = torch.nn.Linear(dim, dim)
        self.dropout = torch.nn.Dropout(dropout)
        self.out = torch.nn.Linear(dim, 1)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state[:, 0]
        logits: torch.Tensor = self.out(self.dropout(torch.relu(self.dense(hidden)))).squeeze(-1)
        return logits


def spam_net(size: NetSize, vocab_size: int, dropout: float, head_dropout: float) -> SpamNet:
    return SpamNet(DistilBertModel(config(size, vocab_size, dropout)), size.dim, head_dropout)


def body_weights(pretrained: dict[str, torch.Tensor], layers: list[int]) -> dict[str, torch.Tensor]:
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
