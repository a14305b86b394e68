"""How pools, sums and upsampling of an exact network are put on the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn

from isospike.errors import ConversionError
from isospike.graphs.graph import argument, op_of, pools_positions
from isospike.ops import family
from isospike.ops.layers import aten_name
from isospike.refine.grid.axes import axis_matrices, map_axes
from isospike.refine.grid.handlers import grids
from isospike.refine.grid.value import ONE, GridValue, per_channel, spread

if TYPE_CHECKING:
    from isospike.refine.grid.gridder import Gridder


@grids.handles(family.MAX_POOL)
def max_pooled(gridder: Gridder, node: fx.Node) -> GridValue:
    """Takes the largest number where the scale is positive and the same in a window."""
    value = gridder.values[argument(node)]
    channels = per_channel(value.scale) if pools_positions(node) else None
    if channels is None or (channels <= 0).any():
        gridder.make_plain(node)
        return gridder.values[argument(node)]
    return replace(value, scale=spread(channels, op_of(node).shape))


@grids.handles(family.AVERAGE_POOL)
def averaged(gridder: Gridder, node: fx.Node) -> GridValue:
    """An average pool: a sum, with the reciprocal of the number of summands in the scale."""
    if not pools_positions(node):
        raise ConversionError(
            f"exact=True cannot average over channels, as '{op_of(node).name}' does; use a pool of the input's rank"
        )
    value, channels = _uniform_windows(gridder, node)
    pool, shape = gridder.graph.module_of(node), op_of(argument(node)).shape
    total = _sum_pool(pool, shape)
    if total is None:
        windows = [(matrix != 0).double() for matrix in axis_matrices(pool, shape)]
        sums, value = _outer([matrix.sum(1) for matrix in windows]), map_axes(gridder, node, windows, value=value)
    else:
        sums = total(torch.ones(1, *shape, dtype=torch.float64))
        gridder.graph.replace(node, total, replace(op_of(node), kind=aten_name(total)))
        value = replace(value, largest=value.largest * sums.max().item())
    share = pool(torch.ones(1, *shape, dtype=torch.float64)) / sums
    share = share.flatten()[0] if torch.equal(share, share.flatten()[0].expand_as(share)) else share
    return replace(value, scale=spread(channels, op_of(node).shape) * share)


def _uniform_windows(gridder: Gridder, node: fx.Node) -> tuple[GridValue, Tensor]:
    """What ``node`` reads, with a scale that is the same for all positions, and that scale."""
    channels = per_channel(gridder.values[argument(node)].scale)
    if channels is None:
        gridder.make_plain(node)
    return gridder.values[argument(node)], ONE if channels is None else channels


def _outer(sizes: Sequence[Tensor]) -> Tensor:
    product = sizes[0]
    for size in sizes[1:]:
        product = product.unsqueeze(-1) * size
    return product


def _sum_pool(pool: nn.Module, shape: tuple[int, ...]) -> nn.Module | None:
    """The pool without its division; ``None`` if no module of torch sums over such windows."""
    options: Any = _windows(pool, shape[1:])
    if options is None:
        return None
    if len(shape) > 2:
        kinds = {3: nn.AvgPool2d, 4: nn.AvgPool3d}
        return kinds[len(shape)](**options, divisor_override=1)
    if options.pop("ceil_mode", False):
        return None
    layer = nn.Conv1d(shape[0], shape[0], **options, groups=shape[0], bias=False, dtype=torch.float64)
    layer.weight = nn.Parameter(torch.ones_like(layer.weight), requires_grad=False)
    return layer


def _windows(pool: nn.Module, sizes: tuple[int, ...]) -> dict[str, Any] | None:
    """The windows of a pool that all have one size; ``None`` if they have not."""
    if isinstance(pool, nn.AvgPool1d | nn.AvgPool2d | nn.AvgPool3d):
        return {name: getattr(pool, name) for name in ("kernel_size", "stride", "padding", "ceil_mode")}
    given: Any = pool.output_size if isinstance(pool.output_size, tuple) else (pool.output_size,) * len(sizes)
    wanted = [now if out is None else out for out, now in zip(given, sizes, strict=True)]
    if any(now % out for now, out in zip(sizes, wanted, strict=True)):
        return None
    kernel = tuple(now // out for now, out in zip(sizes, wanted, strict=True))
    return {"kernel_size": kernel, "stride": kernel}


@grids.handles(family.INTERPOLATE)
def upsampled(gridder: Gridder, node: fx.Node) -> GridValue:
    """Linear or cubic interpolation: one matrix of rounded weights per axis."""
    value, channels = _uniform_windows(gridder, node)
    target, args, kwargs = node.target, node.args[1:], node.kwargs
    assert callable(target)
    matrices = axis_matrices(lambda x: target(x, *args, **kwargs), op_of(argument(node)).shape)
    value = map_axes(gridder, node, matrices, value=value)
    return replace(value, scale=spread(channels, op_of(node).shape))


@grids.handles(family.REDUCE)
def summed(gridder: Gridder, node: fx.Node) -> GridValue:
    """A sum or mean over axes."""
    value = gridder.values[argument(node)]
    shape = op_of(argument(node)).shape
    scale = value.full_scale(shape).contiguous()
    axes, keep = node.args[1], (node.args[2] if len(node.args) > 2 else node.kwargs.get("keepdim", False))
    low, high = scale.amin(axes, keepdim=bool(keep)), scale.amax(axes, keepdim=bool(keep))  # type: ignore[arg-type]
    if not torch.equal(low, high):
        gridder.make_plain(node)
        value, low = gridder.values[argument(node)], torch.ones_like(low)
    count = scale.numel() / max(low.numel(), 1)
    record = op_of(node).record
    if record is not None and record.averages:
        node.target = torch.ops.aten.sum.dim_IntList
        node.meta["op"] = replace(op_of(node), kind="sum")
        low = low / count
    uniform = torch.equal(low, low.flatten()[0].expand_as(low))
    return GridValue(low.flatten()[0] if uniform else low, value.fraction, value.largest * count)
