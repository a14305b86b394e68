"""The linear operator between a layer and what it reads, and its spectral norm."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, fx

from isospike.diagnosis.pairing import nodes_by_name
from isospike.graphs import Graph, Role
from isospike.graphs.graph import op_of
from isospike.refine.region import Region, region_of

ENDS = frozenset({Role.ACTIVATION, Role.MAX_POOL, Role.ANALOGUE})
"""What is not linear: operators reach from one of these, or the input, to the next neuron layer."""
VECTORS = 8
"""Vectors that are iterated together: a single one may start with next to nothing of the one looked for."""
TOLERANCE = 1e-3
"""The iteration ends when what is still to come is less than this part of the norm."""
LEAST_ITERATIONS = 6
"""Before them steps say little about those to come."""
MOST_ITERATIONS = 200
"""For operators whose largest singular values are nearly the same: then it is close long before."""


def regions(graph: Graph, sites: Sequence[str]) -> dict[str, Region]:
    """What lies between every site and the nearest ops before it that are not linear."""
    nodes = nodes_by_name(graph)
    return {site: region_of(graph, nodes[site], ends=ENDS) for site in sites}


def spectral_norms(graph: Graph, sites: Sequence[str]) -> dict[str, float | None]:
    """Norm ``max |A e| / |e|`` of every site's operator, ``A e = sum_j A_j e_j`` over all that it reads.

    It is the norm of the operator on maps of their real size (strides, padding, both branches of a residual
    addition), not of a reshaped kernel. Power iteration on a few orthonormal vectors at once, ``V <- orth(A^T A V)``,
    begins with normally distributed numbers of a fixed seed and ends when the largest singular value of ``A V`` has
    less than a thousandth to come, as its last steps have it. What is found never exceeds the norm, rounding aside.
    ``None`` for a site that reads the input alone, in which there is no error.
    """
    return {site: _norm(graph, region) for site, region in regions(graph, sites).items()}


def _norm(graph: Graph, region: Region) -> float | None:
    like = next(iter(graph.parameters()), torch.zeros(()))
    shapes = [(op_of(source).rows, *op_of(source).shape) for source in region.sources if source is not graph.input_node]
    if not shapes:
        return None
    sizes = [math.prod(shape) for shape in shapes]
    module, count = region.module(graph), min(VECTORS, sum(sizes))

    def affine(vectors: Tensor) -> Tensor:
        parts = zip(vectors.split(sizes, 1), shapes, strict=True)
        errors = iter([part.unflatten(1, shape).flatten(0, 1) for part, shape in parts])
        result: Tensor = module(
            *(_zeros(s, like, len(vectors)) if s is graph.input_node else next(errors) for s in region.sources)
        )
        return result.reshape(len(vectors), -1)

    bias = affine(like.new_zeros(1, sum(sizes)))
    generator = torch.Generator().manual_seed(0)
    vectors = _orthonormal(torch.randn(count, sum(sizes), generator=generator, dtype=torch.float64).to(like))
    norms: list[float] = []
    while len(norms) < MOST_ITERATIONS and not _settled(norms):
        value, adjoint, *_ = torch.func.vjp(affine, vectors)
        image = value - bias
        norms.append(torch.linalg.matrix_norm(image, 2).item())
        if norms[-1] == 0:
            break
        (raised,) = adjoint(image)
        vectors = _orthonormal(raised)
    return norms[-1]


def _settled(norms: Sequence[float]) -> bool:
    """Whether the norms, which rise by ever smaller steps, have little left: steps fall by a constant factor ``r``."""
    if len(norms) < LEAST_ITERATIONS:
        return False
    before, last = norms[-2] - norms[-3], norms[-1] - norms[-2]
    rounding = 1e-6 * norms[-1]
    if last <= rounding:
        return before <= rounding
    r = last / before if before > 0 else 1.0
    return r < 1 and last * r / (1 - r) <= TOLERANCE * norms[-1]


def _orthonormal(rows: Tensor) -> Tensor:
    columns: Tensor = torch.linalg.qr(rows.T).Q
    return columns.T.detach().contiguous()


def _zeros(source: fx.Node, like: Tensor, count: int) -> Tensor:
    return like.new_zeros((count, *op_of(source).shape))
