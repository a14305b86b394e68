"""What the exporter says of a node: its op, its arguments, its shape and where the batch is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from isospike.activations.operator import NAMESPACE
from isospike.ops import table
from isospike.ops.constants import ONE, size_at


def exported_kind(node: fx.Node) -> str:
    """Name without overload; the namespace stays where it is neither ATen's nor isospike's."""
    target = node.target
    if isinstance(target, torch._ops.OpOverload):
        namespace, _, name = target._schema.name.partition("::")
        if namespace == "aten":
            record = table.aten(name)
            return name if record is None else record.name
        return name if namespace == NAMESPACE else f"{namespace}.{name}"
    return str(getattr(target, "__name__", target))


def call_arguments(node: fx.Node, constants: dict[fx.Node, Tensor]) -> dict[str, Any]:
    """Arguments by schema name, defaults filled in, constants as tensors."""
    schema = node.target._schema  # type: ignore[union-attr]
    bound = {argument.name: argument.default_value for argument in schema.arguments}
    bound |= dict(zip((argument.name for argument in schema.arguments), node.args, strict=False))
    bound |= node.kwargs
    return {name: constants.get(value, value) if isinstance(value, fx.Node) else value for name, value in bound.items()}


def first_result(node: fx.Node) -> Any:
    """What a node gives, and the first of several results."""
    value = node.meta.get("val")
    return value[0] if isinstance(value, (tuple, list)) and value else value


def sample_shape(node: fx.Node) -> tuple[int, ...]:
    """Shape of the (first) result without its first axis."""
    value = first_result(node)
    return (
        tuple(int(size) if isinstance(size, int) else -1 for size in value.shape[1:])
        if isinstance(value, Tensor)
        else ()
    )


def sample_rows(node: fx.Node) -> int:
    """How many rows of the (first) result one sample has."""
    value = first_result(node)
    first = value.shape[0] if isinstance(value, Tensor) and value.dim() else ONE
    return first if isinstance(first, int) else size_at(first, ONE)


def has_batch_first(node: fx.Node) -> bool:
    """Whether the first axis of a result, and no other, grows with the batch."""
    value = first_result(node)
    if not isinstance(value, Tensor):
        return exported_kind(node) == "sym_size"
    sizes = list(value.shape)
    return bool(sizes) and not isinstance(sizes[0], int) and all(isinstance(size, int) for size in sizes[1:])
