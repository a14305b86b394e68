"""Maps that are one matrix per axis, ``y = (A_1 x ... x A_n) x``: interpolation, and sums over windows of any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx

from isospike.graphs.graph import argument, op_of
from isospike.ops import Role
from isospike.refine.grid.value import ONE, GridValue

if TYPE_CHECKING:
    from isospike.refine.grid.gridder import Gridder


def axis_matrices(op: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> list[Tensor]:
    """Per axis behind the channels the matrix ``[outputs, inputs]`` of a map with one per axis, weights summing to one.

    Args:
        op: the map, of ``[B, C, ...]``.
        shape: of what it maps, ``[C, ...]``.
    """
    return [_matrix(op, axis, shape) for axis in range(1, len(shape))]


def _matrix(op: Callable[[Tensor], Tensor], axis: int, shape: tuple[int, ...]) -> Tensor:
    """The responses to one input after the other; along the other axes, of one input each, they do not change."""
    columns = []
    for row in torch.eye(shape[axis], dtype=torch.float64):
        result = op(row.view(1, *(-1 if at == axis else 1 for at in range(len(shape)))))
        columns.append(result.movedim(axis + 1, -1).flatten(0, -2)[0])
    return torch.stack(columns, 1)


def map_axes(gridder: Gridder, node: fx.Node, matrices: Sequence[Tensor], *, value: GridValue) -> GridValue:
    """Replace ``node`` by a product with a matrix, rounded to the grid, per axis."""
    source, shape, value = argument(node), op_of(argument(node)).shape, replace(value, scale=ONE)
    for axis, matrix in enumerate(matrices, 1):
        lines = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
        source = _append(gridder, node, f"axis{axis}_lines", "reshape", (source, [-1, *lines]), lines)
        gridder.place(source, value)
        source, value = _multiplied(gridder, node, f"axis{axis}", matrix, source, value)
        shape = (*shape[:axis], len(matrix), *shape[axis + 1 :])
    become_reshape(node, source)
    return value


def _multiplied(
    gridder: Gridder, node: fx.Node, name: str, matrix: Tensor, lines: fx.Node, value: GridValue
) -> tuple[fx.Node, GridValue]:
    """The product ``A x`` of a rounded matrix and ``lines`` ``[B, before, inputs, after]``, in front of ``node``."""
    factor, fraction = gridder.rounded_factor(node, f"{op_of(node).name}.{name}", value, factor=matrix)
    constant = gridder.new_constant(f"{node.name}_{name}", factor, node)
    before, _, after = op_of(lines).shape
    product = _append(gridder, node, name, "matmul", (constant, lines), (before, len(matrix), after))
    value = GridValue(ONE, value.fraction + fraction, value.largest * factor.abs().sum(1).max().item())
    gridder.place(product, value)
    return product, value


def _append(
    gridder: Gridder, node: fx.Node, name: str, kind: str, args: tuple[Any, ...], shape: tuple[int, ...]
) -> fx.Node:
    """A call of ATen's ``kind`` in front of ``node``."""
    with gridder.graph.graph.inserting_before(node):
        call = gridder.graph.graph.call_function(getattr(torch.ops.aten, kind).default, args)
    name = f"{op_of(node).name}.{name}"
    call.meta["op"] = replace(op_of(node), name=name, kind=kind, role=Role.LINEAR, shape=shape)
    return call


def become_reshape(node: fx.Node, source: fx.Node) -> None:
    """Let ``node`` bring the numbers of ``source`` into its shape, whatever it computed before."""
    node.op, node.target = "call_function", torch.ops.aten.reshape.default
    node.meta["op"] = replace(op_of(node), kind="reshape")
    node.args, node.kwargs = (source, [-1, *op_of(node).shape]), {}
