"""Networks with signed sites, captured and converted once."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

import isospike as iso
from product_networks import product_networks

CASES = ["norm first", "norm last", "mixer", "convnext", "excited", "bottleneck", "gated"]
METHODS = {
    "bit-coded": iso.methods.BitCoded(bits=5),
    "radix": iso.methods.Radix(bits=4),
    "pascal": iso.methods.Pascal(levels=7),
}


def inputs(shape: tuple[int, ...], count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *shape, dtype=torch.float64, generator=generator)


@functools.cache
def networks():
    return product_networks()


@functools.cache
def captured(name: str) -> iso.Graph:
    model, shape = networks()[name]
    return iso.fold_batch_norm(iso.capture(model, inputs(shape, 2)))


@functools.cache
def converted(name: str, method: str):
    """A network, its samples and the model."""
    model, shape = networks()[name]
    x = inputs(shape, 8)
    return iso.convert(captured(name), METHODS[method], data=[x], analogue="allow", sites="products"), x, model
