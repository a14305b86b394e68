"""Linear ops with every weight set to one: where events arrive, and through how many synapses.

A *field* holds at every position how many events arrive there, or a one where there is a value: float64 ``[1, ...]``,
whole numbers, which sums keep exact below 2^53.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from isospike.executors.walk import compute
from isospike.graphs.graph import Graph, attribute, op_of
from isospike.ops import Stage, family
from isospike.ops.affine import ChannelAffine
from isospike.refine.grid.axes import axis_matrices

Fields = Mapping[fx.Node, Any]
"""Fields of the values that an op reads."""


@dataclass(frozen=True)
class Passage:
    """An op without trained weights, and what arrives at it."""

    graph: Graph
    node: fx.Node
    linear: Callable[[Fields], Any]
    """The op's linear part."""
    fields: Fields
    """What it reads."""

    @property
    def field(self) -> Tensor:
        """What arrives at its one operand that is not constant."""
        found: Tensor = self.fields[argument_of(self.node)]
        return found


WEIGHTED = frozenset({family.CONVOLUTION, family.DENSE, family.AFFINE, family.PRODUCT})
"""Ops with trained weights, whose synapses are counted."""
MOVES = frozenset({family.MOVE, family.RESHAPE, family.FILL, family.JOIN})
"""Ops that put values, or copies of them, elsewhere."""
passages = Stage[Callable[[Passage], Any]](
    "the account",
    lambda record: record.is_additive and record.family.is_kept and record.family not in WEIGHTED | {family.ADD},
)
"""What arrives behind an op without trained weights, by its family."""


def makes_currents(node: fx.Node) -> bool:
    """Whether an op has trained weights, so that what it puts out are currents."""
    return op_of(node).family in WEIGHTED


def is_join(node: fx.Node) -> bool:
    """Whether an op adds two values."""
    return op_of(node).family is family.ADD


def is_move(node: fx.Node) -> bool:
    """Whether an op only puts values elsewhere."""
    return op_of(node).family in MOVES


def synapses(graph: Graph, node: fx.Node, field: Tensor) -> Tensor:
    """Through how many synapses of a weighted op a field goes: the sum of the op's outputs, all its weights one."""
    layer = graph.module_of(node) if node.op == "call_module" else None
    if layer is None:
        ones = {source: _ones(graph, source, field) for source in node.all_input_nodes if source.op == "get_attr"}
        total: Tensor = compute(graph, node, {argument_of(node): field, **ones}).sum()
        return total
    if isinstance(layer, nn.Linear):
        return field.sum() * layer.out_features
    if isinstance(layer, ChannelAffine | nn.modules.batchnorm._BatchNorm):
        return field.sum()
    return _convolved(layer, field)


def argument_of(node: fx.Node) -> fx.Node:
    """The one operand of an op that is not constant."""
    (variable,) = (source for source in node.all_input_nodes if source.op != "get_attr")
    return variable


def passed_on(passage: Passage) -> Any:
    """What arrives behind an op without trained weights.

    Pools, means, interpolations and factors are folded into the synapses behind them: what reads an average of four
    neurons has a synapse from each.
    """
    return passages[op_of(passage.node).family](passage)


@passages.handles(*MOVES, family.ACCUMULATE)
def _moved(passage: Passage) -> Any:
    """Weights of ones are the op itself."""
    return passage.linear(passage.fields)


@passages.handles(family.CONSTANT)
def _nothing(passage: Passage) -> Tensor:
    """What is the same whatever arrives."""
    return passage.field.new_zeros(1, *op_of(passage.node).shape)


@passages.handles(family.POINTWISE)
def _same(passage: Passage) -> Tensor:
    """One value for one value: the rounding of the image to a grid."""
    return passage.field


@passages.handles(family.REDUCE)
def _summed(passage: Passage) -> Tensor:
    """The sum, of a mean too."""
    args, kwargs = passage.node.args, passage.node.kwargs
    dims: Any = args[1] if len(args) > 1 else kwargs["dim"]
    return passage.field.sum(dims, keepdim=bool(args[2] if len(args) > 2 else kwargs.get("keepdim", False)))


@passages.handles(family.INTERPOLATE)
def _interpolated(passage: Passage) -> Tensor:
    target, args, kwargs = passage.node.target, passage.node.args[1:], passage.node.kwargs
    assert callable(target)
    return _mapped(lambda x: target(x, *args, **kwargs), len(op_of(passage.node).shape) - 1, passage.field)


def _convolved(layer: nn.Module, field: Tensor) -> Tensor:
    """All output channels of a group have the same sum, so one is computed."""
    assert isinstance(layer, nn.modules.conv._ConvNd)
    n, transposed = len(layer.kernel_size), layer.transposed
    rows = layer.in_channels if transposed else layer.groups
    columns = 1 if transposed else layer.in_channels // layer.groups
    weight = field.new_ones(rows, columns, *layer.kernel_size)
    if transposed:
        function: Callable[..., Tensor] = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[n - 1]
        options = {"padding": layer.padding, "output_padding": layer.output_padding}
    else:
        function, options = (F.conv1d, F.conv2d, F.conv3d)[n - 1], {"padding": layer.padding}
    shared = {"stride": layer.stride, "dilation": layer.dilation, "groups": layer.groups}
    return function(field, weight, **options, **shared).sum() * (layer.out_channels // layer.groups)


def _ones(graph: Graph, constant: fx.Node, like: Tensor) -> Tensor:
    return torch.ones_like(attribute(graph, str(constant.target)), dtype=like.dtype)


@passages.handles(family.SCALE)
def _scaled(passage: Passage) -> Tensor:
    """A factor of zero lets nothing through; constants may spread a value over more positions."""
    product: Any = 1.0
    for operand in passage.node.args[:2]:
        if not isinstance(operand, fx.Node):
            product = product * (operand != 0)
        elif operand.op == "get_attr":
            product = product * (attribute(passage.graph, str(operand.target)) != 0).double()
        else:
            product = product * passage.fields[operand]
    scaled: Tensor = product
    return scaled


@passages.handles(family.AVERAGE_POOL)
def _pooled(passage: Passage) -> Tensor:
    """The sum over every window."""
    pool, field = passage.graph.module_of(passage.node), passage.field
    n = int(type(pool).__name__[-2])
    if hasattr(pool, "output_size"):
        return _mapped(pool, n, field)
    kernel, stride, padding = (_per_axis(getattr(pool, name), n) for name in ("kernel_size", "stride", "padding"))
    options: dict[str, Any] = {"ceil_mode": pool.ceil_mode, "divisor_override": 1}
    if n == 1:  # the only one without a divisor of its own
        row = F.avg_pool2d(field.unsqueeze(-2), (1, *kernel), (1, *stride), (0, *padding), **options)
        return row.squeeze(-2)
    return (F.avg_pool2d if n == 2 else F.avg_pool3d)(field, kernel, stride, padding, **options)


def _per_axis(size: Any, n: int) -> tuple[int, ...]:
    return tuple(size) if isinstance(size, tuple) and len(size) == n else (size,) * n


def _mapped(op: Callable[[Tensor], Tensor], n: int, field: Tensor) -> Tensor:
    """A map with one matrix per axis, of the last ``n``, with ones where these are not zero."""
    shape = (1, *field.shape[-n:])
    for axis, matrix in enumerate(axis_matrices(op, shape), field.dim() - n):
        ones = (matrix != 0).to(field)
        field = torch.tensordot(field, ones, dims=([axis], [1])).movedim(-1, axis)
    return field
