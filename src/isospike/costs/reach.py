"""Linear ops with every weight set to one: where events arrive, and through how many synapses.

A *field* holds at every position how many events arrive there, or a one where there is a value: float64 ``[1, ...]``,
whole numbers, which sums keep exact below 2^53.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from isospike.capture.affine import ChannelAffine
from isospike.capture.graph import Graph, attribute, op_of
from isospike.capture.linear_part import SUMS
from isospike.capture.roles import AVERAGE_POOLS, NO_OPS, RESHAPES
from isospike.executors.walk import compute
from isospike.refine.grid.axes import axis_matrices

Fields = Mapping[fx.Node, Any]
"""Fields of the values that an op reads."""

MATRIX_PRODUCTS = frozenset({"matmul", "mm", "bmm"})
SCALINGS = frozenset({"mul", "div"})
INTERPOLATIONS = frozenset({"upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"})
SAME = frozenset({"neg", "round"})
"""One value for one value."""
MOVES = (
    RESHAPES
    | NO_OPS
    | frozenset(
        {
            *("cat", "stack", "getitem", "pad", "constant_pad_nd"),
            *("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "_upsample_nearest_exact2d"),
            *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "permute", "transpose", "squeeze", "unsqueeze"),
            *("slice", "select", "narrow", "index_select", "split", "split_with_sizes", "chunk", "unbind"),
            *("roll", "flip", "movedim", "t"),
        }
    )
)
"""Ops that put values, or copies of them, elsewhere."""
SUMMATIONS = frozenset({"sum", "cumsum"})
"""Linear ops whose weights are ones already."""
LAYERS = frozenset({"batch_norm", "linear"})


def is_weighted(node: fx.Node) -> bool:
    """Whether an op has trained weights, so that what it puts out are currents."""
    kind = op_of(node).kind
    return "conv" in kind or kind in LAYERS or kind in MATRIX_PRODUCTS


def is_join(node: fx.Node) -> bool:
    """Whether an op adds two values."""
    return op_of(node).kind in SUMS


def is_move(node: fx.Node) -> bool:
    """Whether an op only puts values elsewhere."""
    return op_of(node).kind in MOVES


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


def passed_on(graph: Graph, linear: Callable[[Fields], Any], node: fx.Node, fields: Fields) -> Any:
    """What arrives behind an op without trained weights.

    Pools, means, interpolations and factors are folded into the synapses behind them: what reads an average of four
    neurons has a synapse from each.

    Args:
        graph: the network.
        linear: the op's linear part.
        node: the op.
        fields: what it reads.
    """
    kind = op_of(node).kind
    if kind in MOVES | SUMMATIONS:
        return linear(fields)
    source = argument_of(node)
    field = fields[source]
    if kind in SAME:
        return field
    if kind in SCALINGS:
        return _scaled(graph, node, fields)
    if kind in AVERAGE_POOLS:
        return _pooled(graph.module_of(node), kind, field)
    if kind == "mean":
        dims: Any = node.args[1] if len(node.args) > 1 else node.kwargs["dim"]
        return field.sum(dims, keepdim=bool(node.args[2] if len(node.args) > 2 else node.kwargs.get("keepdim", False)))
    assert kind in INTERPOLATIONS, f"no rule for the events behind '{kind}'"
    target, args, kwargs = node.target, node.args[1:], node.kwargs
    assert callable(target)
    return _mapped(lambda x: target(x, *args, **kwargs), int(kind[-2]), field)


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


def _scaled(graph: Graph, node: fx.Node, fields: Fields) -> Tensor:
    """A factor of zero lets nothing through; constants may spread a value over more positions."""
    product: Any = 1.0
    for operand in node.args[:2]:
        if not isinstance(operand, fx.Node):
            product = product * (operand != 0)
        elif operand.op == "get_attr":
            product = product * (attribute(graph, str(operand.target)) != 0).double()
        else:
            product = product * fields[operand]
    scaled: Tensor = product
    return scaled


def _pooled(pool: nn.Module, kind: str, field: Tensor) -> Tensor:
    """The sum over every window."""
    n = int(kind[-2])
    if kind.startswith("adaptive"):
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
