"""BERT in plain PyTorch (Devlin et al. 2019), its parameters named as in Hugging Face's files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isospike.errors import IsospikeError, ModelError
from isospike.options import Configuration, Count, Positive


@dataclass(frozen=True)
class BertSizes(Configuration):
    """The sizes of an encoder, named as in ``config.json``."""

    error: ClassVar[type[IsospikeError]] = ModelError

    vocab_size: Count
    hidden_size: Count
    num_hidden_layers: Count
    num_attention_heads: Count
    intermediate_size: Count
    max_position_embeddings: Count = 512
    type_vocab_size: Count = 2
    layer_norm_eps: Positive = 1e-12

    def __post_init__(self) -> None:
        """Refuse heads that do not share the vector evenly."""
        super().__post_init__()
        self.require(self.hidden_size % self.num_attention_heads == 0, "hidden_size", "a multiple of the heads")


class BertEncoder(nn.Module):
    """Tokens ``[B, N]`` into one vector for each, ``[B, N, D]``; what the mask says is padding is not attended to."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.embeddings = _Embeddings(sizes)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer(sizes) for _ in range(sizes.num_hidden_layers))})

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """The last hidden states; ``attention_mask`` is 1 at tokens and 0 at padding."""
        x: Tensor = self.embeddings(input_ids, token_type_ids)
        real = attention_mask[:, None, None, :].bool()
        for layer in self.encoder["layer"].children():
            x = layer(x, real)
        return x


class BertEmbedding(BertEncoder):
    """One vector for each text: the mean over its tokens, ``[B, D]``."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """``sum_n m_n x_n / sum_n m_n``."""
        x, mask = super().forward(input_ids, attention_mask, token_type_ids), attention_mask[:, :, None].to(self.dtype)
        return (x * mask).sum(1) / mask.sum(1)

    @property
    def dtype(self) -> torch.dtype:
        """The number format of the weights."""
        return self.embeddings.word_embeddings.weight.dtype


class BertClassifier(nn.Module):
    """Logits ``[B, classes]`` of texts, from the first token; one class: a value."""

    def __init__(self, sizes: BertSizes, classes: int) -> None:
        super().__init__()
        self.bert = BertEncoder(sizes)
        self.bert.pooler = nn.ModuleDict({"dense": nn.Linear(sizes.hidden_size, sizes.hidden_size)})
        self.classifier = nn.Linear(sizes.hidden_size, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """``W tanh(P x_0 + p) + w``."""
        first = self.bert(input_ids, attention_mask, token_type_ids)[:, 0]
        logits: Tensor = self.classifier(self.bert.pooler["dense"](first).tanh())  # type: ignore[index, operator]
        return logits


class _Embeddings(nn.Module):
    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocab_size, sizes.hidden_size)
        self.position_embeddings = nn.Embedding(sizes.max_position_embeddings, sizes.hidden_size)
        self.token_type_embeddings = nn.Embedding(sizes.type_vocab_size, sizes.hidden_size)
        self.LayerNorm = nn.LayerNorm(sizes.hidden_size, sizes.layer_norm_eps)

    def forward(self, tokens: Tensor, kinds: Tensor | None) -> Tensor:
        places = self.position_embeddings.weight
        if tokens.shape[1] > len(places):
            raise ValueError(f"texts of {tokens.shape[1]} tokens for {len(places)} positions; cut them with --length")
        kind = self.token_type_embeddings.weight[0] if kinds is None else self.token_type_embeddings(kinds)
        x: Tensor = self.LayerNorm(self.word_embeddings(tokens) + places[: tokens.shape[1]] + kind)
        return x


class _Layer(nn.Module):
    """``x <- norm(x + attention(x))``, ``x <- norm(x + W2 gelu(W1 x))``."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        size, inner, eps = sizes.hidden_size, sizes.intermediate_size, sizes.layer_norm_eps
        self.heads = sizes.num_attention_heads
        part = nn.ModuleDict({name: nn.Linear(size, size) for name in ("query", "key", "value")})
        self.attention = nn.ModuleDict({"self": part, "output": _joining(size, size, eps)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(size, inner)})
        self.output = _joining(inner, size, eps)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        q, k, v = (self._by_head(layer(x)) for layer in self.attention["self"].values())  # type: ignore[operator]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=real).transpose(1, 2).flatten(2)
        x = _added(self.attention["output"], x, mixed)
        return _added(self.output, x, F.gelu(self.intermediate["dense"](x)))

    def _by_head(self, x: Tensor) -> Tensor:
        apart: Tensor = x.unflatten(2, (self.heads, -1))
        return apart.transpose(1, 2)


def _joining(inputs: int, size: int, eps: float) -> nn.ModuleDict:
    return nn.ModuleDict({"dense": nn.Linear(inputs, size), "LayerNorm": nn.LayerNorm(size, eps)})


def _added(joining: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """``norm(x + W y)``."""
    assert isinstance(joining, nn.ModuleDict)
    normed: Tensor = joining["LayerNorm"](x + joining["dense"](y))
    return normed
