"""The linear operator between a layer and what it reads, and its spectral norm."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx

from isospike.capture import Graph, Role
from isospike.capture.graph import op_of
from isospike.diagnose.pairing import nodes_by_name
from isospike.refine.region import Region, region_of

ENDS = frozenset({Role.ACTIVATION, Role.MAX_POOL, Role.ANALOGUE})
"""What is not linear: operators reach from one of these, or the input, to the next neuron layer."""
TOLERANCE = 1e-3
"""The iteration ends when the norm changes by less than this part."""
MOST_ITERATIONS = 200
"""Norms whose two largest singular values are close settle slowly, and are close to the truth long before."""


def regions(graph: Graph, sites: Sequence[str]) -> dict[str, Region]:
    """What lies between every site and the nearest ops before it that are not linear."""
    nodes = nodes_by_name(graph)
    return {site: region_of(graph, nodes[site], ends=ENDS) for site in sites}


def spectral_norms(graph: Graph, sites: Sequence[str]) -> dict[str, float | None]:
    """Norm ``max |A e| / |e|`` of every site's operator, ``A e = sum_j A_j e_j`` over all that it reads.

    It is the norm of the operator on maps of their real size (strides, padding, both branches of a residual
    addition), not of a reshaped kernel: ``v <- A^T A v / |A^T A v|`` from a vector of normally distributed numbers with
    a fixed seed, until ``|A v|`` changes by less than a thousandth; what is found never exceeds the norm. ``None``
    for a site that reads the input alone, in which there is no error.
    """
    return {site: _norm(graph, region) for site, region in regions(graph, sites).items()}


def _norm(graph: Graph, region: Region) -> float | None:
    like = next(iter(graph.parameters()), torch.zeros(()))
    shapes = [(1, *op_of(source).shape) for source in region.sources if source is not graph.input_node]
    if not shapes:
        return None
    module = region.module(graph)

    def affine(*values: Tensor) -> Tensor:
        parts = iter(values)
        result: Tensor = module(*(_zero(s, like) if s is graph.input_node else next(parts) for s in region.sources))
        return result

    bias = affine(*(like.new_zeros(shape) for shape in shapes))
    generator = torch.Generator().manual_seed(0)
    vectors = _unit([torch.randn(shape, generator=generator, dtype=torch.float64).to(like) for shape in shapes])
    norm = 0.0
    for _ in range(MOST_ITERATIONS):
        value, adjoint, *_ = torch.func.vjp(affine, *vectors)
        image = value - bias
        before, norm = norm, image.norm().item()
        if norm == 0 or abs(norm - before) <= TOLERANCE * norm:
            break
        vectors = _unit(adjoint(image))
    return norm


def _unit(vectors: Sequence[Tensor]) -> list[Tensor]:
    length = torch.stack([v.square().sum() for v in vectors]).sum().sqrt()
    return [(v / length).detach() for v in vectors]


def _zero(source: fx.Node, like: Tensor) -> Tensor:
    return like.new_zeros((1, *op_of(source).shape))
