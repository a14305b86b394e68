"""What a model computes from its parameters and from numbers alone, whatever its input is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from isospike.errors import CaptureError
from isospike.messages import first_line
from isospike.ops import family
from isospike.ops.record import OpRecord
from isospike.ops.registry import table

ONE, TWO = 1, 2
"""Sizes of the batch at which constants are computed; two tell what depends on it from what does not."""


class Constants:
    """Values of the nodes that do not depend on the input.

    A value that the model makes as large as the batch (``x.new_zeros(len(x), 4)``, ``token.expand(len(x), -1)``) is a
    constant too, where it is the same for every sample: it is kept as that of one sample, ``[1, ...]``.
    """

    def __init__(self, program: ExportedProgram) -> None:
        self.program = program
        self.format = _format(program)
        """The number format of the input, which is the network's; casts to another one are left out."""
        self.values: dict[fx.Node, Any] = {}
        """At a batch of one."""
        self.names: dict[fx.Node, str] = {}
        """Of parameters and buffers."""
        self._at_two: dict[fx.Node, Any] = {}
        """At a batch of two, of what depends on its size."""
        self._copies: dict[int, Tensor] = {}
        self._take_parameters()
        for node in program.graph.nodes:
            if node.op == "call_function":
                self.fold(node)

    def __contains__(self, node: object) -> bool:
        return node in self.values

    def __getitem__(self, node: fx.Node) -> Any:
        return self.values[node]

    def add(self, node: fx.Node, value: Tensor) -> None:
        """A constant that the capture itself made."""
        self.values[node] = value

    def is_batched(self, node: fx.Node) -> bool:
        """Whether a constant is one sample, of one or more rows, of a value with as many as the batch."""
        value, larger = self.values[node], self._at_two.get(node)
        if not isinstance(value, Tensor) or not isinstance(larger, Tensor):
            return False
        return value.dim() > 0 and larger.shape == (TWO * len(value), *value.shape[1:])

    def counts_samples(self, node: object) -> bool:
        """Whether a constant numbers the samples of the batch along its first axis: 0, 1, 2, ..."""
        larger = self._at_two.get(node) if isinstance(node, fx.Node) else None
        if not isinstance(larger, Tensor) or larger.numel() != TWO or larger.dim() < 1 or len(larger) != TWO:
            return False
        return larger.flatten().tolist() == [0, 1]

    def is_of_its_own(self, node: fx.Node) -> bool:
        """Whether a value depends on the size of the batch otherwise, so that no constant stands for it."""
        if node not in self._at_two:
            return False
        value, larger = self.values[node], self._at_two[node]
        return not (self.is_batched(node) and torch.equal(larger, torch.cat([value] * TWO)))

    def fold(self, node: fx.Node) -> bool:
        """Compute a node, if all that it needs is known."""
        size = node.meta.get("val")
        if isinstance(size, torch.SymInt):
            self.values[node], self._at_two[node] = (size_at(size, batch) for batch in (ONE, TWO))
            return True
        sources = [s for s in node.all_input_nodes if s not in self.values]
        creates = _creates(node)
        if _is_random(node) or (sources and not creates) or (not creates and not self._has_tensors(node)):
            return False
        value = self._computed(node, ONE)
        self.values[node] = value
        if sources or any(source in self._at_two for source in node.all_input_nodes):
            larger = self._computed(node, TWO)
            if not _equal(value, larger):
                self._at_two[node] = larger
        return True

    def _has_tensors(self, node: fx.Node) -> bool:
        values = (self.values[source] for source in node.all_input_nodes)
        return any(isinstance(leaf, Tensor) for value in values for leaf in pytree.tree_leaves(value))

    @torch.no_grad()
    def _computed(self, node: fx.Node, batch: int) -> Any:
        def value(source: fx.Node) -> Any:
            if batch == TWO and source in self._at_two:
                return self._at_two[source]
            return self.values[source] if source in self.values else _empty(source.meta["val"], batch)

        args: Any
        args, kwargs = fx.map_arg((node.args, node.kwargs), value)
        if is_cast(node) and args[0].is_floating_point() and node.meta["val"].is_floating_point():
            return args[0].to(self.format)
        try:
            result = node.target(*args, **kwargs)  # type: ignore[operator]
        except Exception as error:  # torch raises errors of many types
            raise CaptureError(
                f"what the model computes from weights and sizes alone fails: {_title(node)} raises "
                f"{first_line(error)}; give no longer sequences than it has positions (--length)"
            ) from error
        return pytree.tree_map(lambda leaf: leaf.detach().contiguous() if isinstance(leaf, Tensor) else leaf, result)

    def _take_parameters(self) -> None:
        """Parameters, buffers and constants of the model, each copied once so that sharing survives."""
        signature, state = self.program.graph_signature, self.program.state_dict
        targets = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        for node in self.program.graph.nodes:
            if node.op == "placeholder" and node.name in targets:
                name = targets[node.name]
                tensor = state[name] if name in state else self.program.constants[name]
                self.values[node], self.names[node] = self._copy(tensor), name

    def _copy(self, tensor: Tensor) -> Tensor:
        key = id(tensor)
        if key not in self._copies:
            copy = tensor.detach().clone()
            self._copies[key] = nn.Parameter(copy) if isinstance(tensor, nn.Parameter) else copy
        return self._copies[key]


def _format(program: ExportedProgram) -> torch.dtype:
    """That of the first input of real numbers; where all are whole, of the first parameter."""
    names = program.graph_signature.user_inputs
    inputs = [node.meta["val"] for node in program.graph.nodes if node.name in names]
    tensors = [*inputs, *program.state_dict.values()]
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.get_default_dtype())


def is_cast(node: object) -> bool:
    """Whether a call does nothing but change the number format or the device."""
    record = _record(node)
    return record is not None and record.family is family.CAST


def _record(node: object) -> OpRecord | None:
    target: Any = getattr(node, "target", None)
    is_aten = isinstance(target, torch._ops.OpOverload) and target.namespace == "aten"
    return table.aten(target._schema.name.partition("::")[2]) if is_aten else None


def _creates(node: fx.Node) -> bool:
    """Whether a node makes a tensor of nothing but numbers and sizes."""
    record = _record(node)
    return record is not None and record.family is family.CREATION


def _title(node: fx.Node) -> str:
    target: Any = node.target
    return str(getattr(target, "overloadpacket", target))


def _is_random(node: fx.Node) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def size_at(size: torch.SymInt, batch: int) -> int:
    """A size that the exporter left open, at one size of the batch.

    Raises:
        CaptureError: there is none, for parts of the batch would be empty.
    """
    expression = size.node.expr
    try:
        return int(expression.subs(dict.fromkeys(expression.free_symbols, batch)))
    except ZeroDivisionError as error:
        raise CaptureError(
            f"the model takes the batch apart into parts that {batch} samples do not fill; treat every sample by itself"
        ) from error


def _empty(value: Tensor, batch: int) -> Tensor:
    """A tensor like the one that a node will have; only its shape, type and device count."""
    shape = [size if isinstance(size, int) else size_at(size, batch) for size in value.shape]
    return torch.empty(shape, dtype=value.dtype, device=value.device)


def _equal(a: Any, b: Any) -> bool:
    first, second = pytree.tree_leaves(a), pytree.tree_leaves(b)
    return len(first) == len(second) and all(
        torch.equal(x, y) if isinstance(x, Tensor) and isinstance(y, Tensor) else bool(x == y)
        for x, y in zip(first, second, strict=True)
    )
