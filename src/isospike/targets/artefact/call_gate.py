"""What a call of a file may be: arguments under which an op keeps the samples apart and does no more than it says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from isospike.graphs.graph import op_of
from isospike.ops import OpRecord, Role, family, table
from isospike.targets.artefact.arguments import check_call
from isospike.targets.artefact.format import MOST_PARTS, MOST_WORK


def record_of(node: fx.Node) -> OpRecord:
    """What the table knows of a call; `targets/artefact/nodes.py` lets no other through."""
    assert isinstance(node.target, torch._ops.OpOverload)
    record = table.aten(node.target._schema.name.partition("::")[2])
    assert record is not None
    return record


def check_op(node: fx.Node, target: torch._ops.OpOverload, values: Mapping[fx.Node, Any]) -> None:
    """Arguments under which an op would mix samples, draw random numbers, or fail where its shape function does not."""
    given = check_call(target, node.args, node.kwargs)
    if any(given.get(name) for name in ("training", "train", "dropout_p")):
        raise ValueError("it is not an op in evaluation")
    if any(given.get(name) is not None for name in ("running_mean", "running_var", "out_dtype")):
        raise ValueError("it has arguments that no captured op has")
    record = record_of(node)
    value = values[node.all_input_nodes[0]]
    rank = value.dim() if isinstance(value, Tensor) else 1
    _check_axes(record, given, rank + record.new_axis)
    if len(given.get("pad", ())) > 2 * (rank - 1):
        raise ValueError("it pads the axis of the batch")
    for name in ("output_size", "scale_factors"):
        sizes = given.get(name) if record.resizes else None
        if sizes is not None and (len(sizes) != rank - 2 or not all(0 < size < math.inf for size in sizes)):
            raise ValueError(f"its {name} are not one positive number for each of {rank - 2} axes")
    if record.family is family.LOOKUP:
        _check_table(given, values)
    if op_of(node).role is not Role.INPUT:
        _check_constants(record, given, values)
    if isinstance(value, Tensor) and record.parts is not None and record.parts(given, value) > MOST_PARTS:
        raise ValueError(f"it takes its input into more than {MOST_PARTS} parts")


def _check_axes(record: OpRecord, given: Mapping[str, Any], rank: int) -> None:
    """Axes that an op works along: each there is, none twice, and none of them the batch's."""
    if record.free_axes:
        return
    for name in ("dim", "dims", "dim0", "dim1", "axis"):
        axes = given.get(name, [] if name == record.needs_axes else None)
        if axes is None:
            continue
        listed = axes if isinstance(axes, (list, tuple)) else [axes]
        places = {axis % rank for axis in listed if -rank <= axis < rank}
        if not listed or 0 in places or len(places) < len(listed):
            raise ValueError("it works along the axis of the batch, along one twice, or along none that there is")


def _check_table(given: Mapping[str, Any], values: Mapping[fx.Node, Any]) -> None:
    """What is looked up is a constant, so that no sample reads another, and nothing is asked that training asks for."""
    table, places = given["weight"], given["indices"]
    if not isinstance(table, fx.Node) or table.op != "get_attr" or not isinstance(places, fx.Node):
        raise ValueError("it looks up what is no constant")
    if not -1 <= given.get("padding_idx", -1) < len(values[table]):
        raise ValueError("its padding lies outside the table")
    if given.get("scale_grad_by_freq") or given.get("sparse"):
        raise ValueError("it has arguments of training")


def _check_constants(record: OpRecord, given: Mapping[str, Any], values: Mapping[fx.Node, Any]) -> None:
    for name, argument in given.items():
        value = values.get(argument) if isinstance(argument, fx.Node) else None
        if not isinstance(value, Tensor):
            continue
        if record.whole != name and not value.is_floating_point():
            raise ValueError(f"its {name} is of type {value.dtype}")
        if name == "attn_mask" and value.dim() < 2:
            raise ValueError(f"its {name} has the shape {list(value.shape)}")


def check_work(pool: nn.Module, shape: tuple[int, ...]) -> None:
    """A pool adds as many numbers as its windows have places."""
    window = math.prod(getattr(pool, "kernel_size", ()))
    if math.prod(shape) * window > MOST_WORK:
        raise ValueError(f"it goes through windows of {window} places at {math.prod(shape)} positions")
