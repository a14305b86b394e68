"""The structure of a model's output: what a graph and a file keep of it, and the user's own types around that."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, fx
from torch.utils import _pytree as pytree

STRUCTURE = "structure"
"""Where the output node keeps the structure of the plain output, and that of the model's."""


def place_output(graph: fx.Graph, flat: list[Any], structure: pytree.TreeSpec) -> None:
    """End a graph with outputs in the structure of the model's.

    The node holds dictionaries, lists and tuples, which is what a file has words for. Types of the user's libraries
    (``ModelOutput``, ``OrderedDict``, dataclasses) stand beside them and are built again around every answer.
    """
    plain = as_plain(pytree.tree_unflatten(flat, structure))
    node = graph.output(plain)
    node.meta[STRUCTURE] = pytree.tree_structure(as_plain(node.args[0])), structure


def output_structure(output: fx.Node) -> Callable[[list[Tensor]], Any]:
    """Puts a flat list of outputs into the structure of the model's output."""
    leaves, spec = pytree.tree_flatten(as_plain(output.args[0]))
    plain, own = output.meta.get(STRUCTURE, (None, None))
    structure = own if spec == plain else spec  # a view with other outputs has their structure

    def build(flat: list[Tensor]) -> Any:
        tensors = iter(flat)
        return pytree.tree_unflatten(
            [next(tensors) if isinstance(leaf, fx.Node) else leaf for leaf in leaves], structure
        )

    return build


def as_plain(value: Any) -> Any:
    """Dictionaries, lists and tuples (named ones too) of the same leaves, in the same order."""
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_plain(item) for item in value]
    if isinstance(value, tuple):
        items = [as_plain(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        present = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: as_plain(item) for name, item in present if item is not None}  # as its flattening leaves them out
    return value
