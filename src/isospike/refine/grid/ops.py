"""How each op of an exact network is put on the grid."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn

from isospike.errors import ConversionError
from isospike.graphs.graph import argument, attribute, op_of
from isospike.ops import family
from isospike.refine.grid.axes import become_reshape
from isospike.refine.grid.handlers import grids
from isospike.refine.grid.value import ONE, GridValue, per_channel, rounded_to

if TYPE_CHECKING:
    from isospike.refine.grid.gridder import Gridder


@grids.handles(family.CONVOLUTION, family.DENSE, family.AFFINE)
def weighted(gridder: Gridder, node: fx.Node) -> GridValue:
    """A convolution, linear layer or channel affine: takes up the scale of its input channels."""
    layer = gridder.graph.module_of(node)
    scale = _input_scale(layer, gridder.values[argument(node)].scale)
    if scale is None:
        gridder.make_plain(node)
        scale = ONE
    value = gridder.values[argument(node)]
    weight = layer.weight.detach().double() * scale  # type: ignore[operator]
    bias = layer.bias.detach().double() if isinstance(layer.bias, Tensor) else torch.zeros(1, dtype=torch.float64)
    fraction = gridder.fraction_for(node, op_of(node).name, value, largest=weight.abs().max().item())
    weight, bias = rounded_to(weight, fraction), rounded_to(bias, value.fraction + fraction)
    largest = _row_sums(layer, weight) * value.largest + bias.abs().max().item()
    new = copy.copy(layer)
    new._parameters = dict(layer._parameters)
    new.weight = nn.Parameter(weight, requires_grad=False)
    if isinstance(layer.bias, Tensor):
        new.bias = nn.Parameter(bias, requires_grad=False)
    gridder.graph.replace(node, new)
    return GridValue(ONE, value.fraction + fraction, largest)


def _input_scale(layer: nn.Module, scale: Tensor) -> Tensor | None:
    """The scale in the layout of the weights; ``None`` if it is not one number per input channel."""
    if scale.dim() == 0:
        return scale
    if isinstance(layer, nn.Linear):
        rows = scale.expand(*scale.shape[:-1], layer.in_features).flatten(0, -2)
        return rows[0] if torch.equal(rows, rows[:1].expand_as(rows)) else None
    channels = per_channel(scale)
    if channels is None:
        return None
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        grouped = channels.expand(layer.in_channels).view(layer.groups, 1, -1)
        spread = grouped.expand(-1, layer.out_channels // layer.groups, -1).reshape(layer.out_channels, -1)
        return spread.view(*spread.shape, *(1,) * (layer.weight.dim() - 2))
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return channels.expand(weight.shape[0]).view(-1, *(1,) * (weight.dim() - 1))


def _row_sums(layer: nn.Module, weight: Tensor) -> float:
    """The largest sum of magnitudes of the weights that make one output."""
    if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        sums = weight.abs().flatten(2).sum(2).view(layer.groups, -1, weight.shape[1]).sum(1)
    else:
        sums = weight.abs().flatten(1).sum(1) if weight.dim() > 1 else weight.abs()
    return sums.max().item()


@grids.handles(family.MOVE, family.RESHAPE)
def moved(gridder: Gridder, node: fx.Node) -> GridValue:
    """An op that only moves numbers: does the same to their scale."""
    value = gridder.values[argument(node)]
    if value.scale_parts is not None:
        return replace(value, scale=value.scale_parts[node.args[1]], scale_parts=None)  # type: ignore[index]
    if value.scale.dim() == 0:
        return value
    source = op_of(argument(node))
    rest = fx.map_arg(node.args[1:], lambda constant: attribute(gridder.graph, str(constant.target)))
    assert callable(node.target)
    scale = node.target(value.full_scale(source.shape), *rest, **node.kwargs)
    return replace(value, scale=scale) if isinstance(scale, Tensor) else replace(value, scale_parts=tuple(scale))


@grids.handles(family.FILL)
def filled(gridder: Gridder, node: fx.Node) -> GridValue:
    """Padding, by moved numbers or by zeros."""
    record = op_of(node).record
    place = record.fill if record is not None else None
    if place is not None and len(node.args) > place and node.args[place] not in (0, None):
        raise ConversionError(f"exact=True cannot pad with {node.args[place]} at '{op_of(node).name}'; pad with 0")
    value = moved(gridder, node)
    if value.scale.dim() and (value.scale == 0).any():  # what was padded; any scale will do for a zero
        return replace(value, scale=torch.where(value.scale == 0, value.scale.max(), value.scale))
    return value


@grids.handles(family.ADD)
def added(gridder: Gridder, node: fx.Node) -> GridValue:
    """A sum or difference of values and constants."""
    if node.kwargs.get("alpha", 1) != 1:
        raise ConversionError(f"exact=True cannot add with a factor at '{op_of(node).name}'; multiply before the sum")
    gridder.make_plain(node)
    fraction = max(gridder.values[part].fraction for part in node.all_input_nodes if part in gridder.values)
    operands, largest = [], 0.0
    for part in node.args[:2]:
        operand, size = _rounded_constant(gridder, node, part, fraction)
        operands.append(operand)
        largest += size + (gridder.values[operand].largest if operand in gridder.values else 0.0)
    node.args = (*operands, *node.args[2:])
    return GridValue(ONE, fraction, largest)


def _rounded_constant(gridder: Gridder, node: fx.Node, operand: Any, fraction: int) -> tuple[Any, float]:
    """A constant operand on the grid, and its magnitude; other operands as they are, with 0."""
    if isinstance(operand, (int, float)):
        number = rounded_to(torch.tensor(float(operand), dtype=torch.float64), fraction).item()
        return number, abs(number)
    if not isinstance(operand, fx.Node) or operand in gridder.values:
        return operand, 0.0
    tensor = rounded_to(gridder.constant(operand), fraction)
    return gridder.new_constant(f"{operand.name}_on_grid_{node.name}", tensor, node), tensor.abs().max().item()


@grids.handles(family.JOIN)
def joined(gridder: Gridder, node: fx.Node) -> GridValue:
    """Concatenation: scales are joined alike."""
    parts: Any = node.args[0]
    known = [gridder.values[part] for part in parts if part in gridder.values]
    fraction, largest = max(value.fraction for value in known), max(value.largest for value in known)
    operands, scales = [], []
    for part in parts:
        operand, size = _rounded_constant(gridder, node, part, fraction)
        operands.append(operand)
        largest = max(largest, size)
        value = gridder.values.get(part, GridValue(ONE, 0, 0.0))
        scales.append(value.full_scale(op_of(part).shape))
    node.args = (operands, *node.args[1:])
    if all(gridder.values[part].is_plain for part in parts if part in gridder.values):
        return GridValue(ONE, fraction, largest)
    assert callable(node.target)
    return GridValue(node.target(scales, *node.args[1:]), fraction, largest)


@grids.handles(family.SCALE)
def on_coarser_grid(gridder: Gridder, node: fx.Node) -> GridValue:
    """A product with, or quotient by, a constant: goes into the scale, the op becomes the identity."""
    if len(node.args) == 1:  # the other sign: the same numbers
        return gridder.values[argument(node)]
    first, second = node.args[:2]
    source, other = (first, second) if first in gridder.values else (second, first)
    assert isinstance(source, fx.Node)
    number = gridder.constant(other) if isinstance(other, fx.Node) else torch.as_tensor(other, dtype=torch.float64)
    shape = op_of(source).shape
    if op_of(node).shape != shape:
        raise ConversionError(f"exact=True cannot enlarge a value by the product at '{op_of(node).name}'")
    value, record = gridder.values[source], op_of(node).record
    scale = value.scale / number if record is not None and record.divides else value.scale * number
    become_reshape(node, source)
    uniform = scale.numel() == 1
    return replace(value, scale=scale.reshape(()) if uniform else scale.expand(1, *shape))
