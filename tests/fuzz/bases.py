"""The networks whose files are changed by chance: both kinds, islands, sets of tensors, constants, probes, the exact
grid, signed sites, products, two-sided sites, tables from code to code, and texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isospike as iso
from networks import ALL
from product_networks import product_networks
from short_methods import METHODS

RECTIFIERS = (
    *(("max_pools", "maximum"), ("attention", "buffered"), ("concat", "calibration-light"), ("selected", "percentile")),
    *(("max_pools", "pascal"), ("arithmetic", "bit-coded"), ("transposed", "bit-coded"), ("one_dimensional", "srp")),
)
"""Network of `networks` and method: sites in the place of rectifiers."""
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 0, 0]])
TEXTS = {"input_ids": TOKENS, "attention_mask": (TOKENS > 0).long(), "token_type_ids": (TOKENS > 4).long()}


class TwoSides(nn.Module):
    """Every two-sided function, one behind the other."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(5))
        self.slopes = nn.PReLU(3)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[B, 3, 4, 4]``."""
        functions = (F.leaky_relu, self.slopes, torch.abs, F.hardtanh, F.softshrink)
        for layer, function in zip(self.layers, functions, strict=True):
            x = function(layer(x))
        return x.flatten(1)


class Smooth(nn.Module):
    """Functions of which tables are made, a site in front of one and behind each."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Vectors ``[B, 6]``."""
        return self.head(F.silu(self.second(F.gelu(self.first(x)))))


class Reader(nn.Module):
    """Three embeddings, one of places counted from the mask, masked attention, and the mean over what is not masked."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.kinds = (nn.Embedding(rows, 8) for rows in (20, 7, 2))
        self.qkv, self.hidden, self.last = (nn.Linear(8, width) for width in (24, 8, 4))
        self.norm = nn.LayerNorm(8)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Tokens, their mask and their kinds ``[B, 6]``."""
        places = attention_mask.cumsum(1) * attention_mask.ne(0).int()
        x = self.words(input_ids) + self.places(places.long()) + self.kinds(token_type_ids)
        q, k, v = self.qkv(x).chunk(3, -1)
        seen = attention_mask.bool()[:, None, :].expand(-1, 6, -1)
        x = self.norm(x + F.scaled_dot_product_attention(q, k, v, attn_mask=seen))
        x = F.gelu(self.hidden(x))
        mean = (x * attention_mask[..., None]).sum(1) / attention_mask.sum(1, keepdim=True).clamp(min=1)
        logits: Tensor = self.last(mean)
        return logits


def _converted(model: nn.Module, method: Any, batch: Tensor | Mapping[str, Tensor], **how: Any) -> iso.SNN:
    return iso.convert(model, method, data=[batch], analogue="allow", **how)


def _samples(shape: tuple[int, ...]) -> Tensor:
    return torch.randn(4, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _of_rectifiers(name: str, method: Any) -> iso.SNN:
    return _converted(ALL[name].build(), method, ALL[name].inputs(4))


def _of_products(name: str, method: Any) -> iso.SNN:
    model, shape = product_networks()[name]
    return _converted(model, method, _samples(shape), sites="products")


def _own(kind: type[nn.Module], method: Any, batch: Tensor | Mapping[str, Tensor], **how: Any) -> iso.SNN:
    torch.manual_seed(0)
    return _converted(kind().double().eval(), method, batch, **how)


_BITS = iso.methods.BitCoded(bits=3, granularity="channel")
NAMED: dict[str, Callable[[], iso.SNN]] = {
    **{f"{name} {method}": partial(_of_rectifiers, name, METHODS[method]) for name, method in RECTIFIERS},
    "exact": partial(_of_rectifiers, "transposed", iso.methods.BitCoded(bits=3, exact=True)),
    "products": partial(_of_products, "gated", iso.methods.Pascal(levels=3)),
    "attention": partial(_of_products, "norm first", iso.methods.BitCoded(bits=3)),
    "digits": partial(_of_products, "bottleneck", iso.methods.BitCoded(bits=3, digits="signed-digits")),
    "differential": partial(_of_products, "bottleneck", iso.methods.Differential(bits=3)),
    "streaming": partial(_of_products, "excited", iso.methods.Maximum()),
    "two-sided": partial(_own, TwoSides, _BITS, _samples((3, 4, 4))),
    "tables": partial(_own, Smooth, _BITS, _samples((6,)), sites="products", tables=("gelu", "silu")),
    "texts": partial(_own, Reader, iso.methods.BitCoded(bits=3, digits="twos-complement"), TEXTS, sites="products"),
}
"""What makes them, always the same."""
