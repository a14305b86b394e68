"""Changes an exported graph in place: new calls know their shapes, and where in the user's code they come from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from isospike.ops.constants import Constants

ORIGIN = ("nn_module_stack", "stack_trace")
"""What a new node has from the one in whose place it stands."""


class Rewriter:
    """The graph of an exported program and its constants."""

    def __init__(self, program: ExportedProgram) -> None:
        self.graph = program.graph
        self.constants = Constants(program)
        self._tokens: dict[fx.Node, bool] = {}

    @property
    def calls(self) -> list[fx.Node]:
        """The calls as they are now, in order of execution."""
        return [node for node in self.graph.nodes if node.op == "call_function"]

    def varies(self, value: Any) -> bool:
        """Whether an argument depends on the input."""
        return isinstance(value, fx.Node) and value not in self.constants

    def is_of_tokens(self, node: fx.Node) -> bool:
        """Whether a call depends on whole numbers among the inputs alone, and on no real number."""
        return node.op == "call_function" and self.varies(node) and all(map(self.is_token, self._operands(node)))

    def is_token(self, node: fx.Node) -> bool:
        """Whether a value is whole numbers of the inputs, or computed from such."""
        if node not in self._tokens:
            value = node.meta.get("val")
            whole = isinstance(value, Tensor) and not value.is_floating_point() and not value.is_complex()
            self._tokens[node] = whole and (node.op == "placeholder" or self.is_of_tokens(node))
        return self._tokens[node]

    def _operands(self, node: fx.Node) -> list[fx.Node]:
        return [source for source in node.all_input_nodes if self.varies(source)]

    def constant_of(self, value: Any) -> Tensor | None:
        """An argument as a tensor, if it is a number or a constant that stands for every batch."""
        if isinstance(value, (bool, int, float)):
            return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
        if not isinstance(value, fx.Node) or value not in self.constants or self.constants.is_of_its_own(value):
            return None
        found = self.constants[value]
        return found if isinstance(found, Tensor) else None

    def is_zero(self, value: Any) -> bool:
        """Whether an argument is zero everywhere."""
        found = self.constant_of(value)
        return found is not None and not bool(found.any())

    def call(self, place: fx.Node, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        """One more call in front of ``place``."""
        values, named = fx.map_arg((args, kwargs), lambda source: source.meta["val"])
        return self.call_of(place, target(*values, **named), target, *args, **kwargs)

    def call_of(self, place: fx.Node, value: Any, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        """One more call in front of ``place``, whose value is known: to compute it may fix the size of the batch."""
        with self.graph.inserting_before(place):
            node: fx.Node = self.graph.call_function(target, args, kwargs)
        node.meta = {key: place.meta[key] for key in ORIGIN if key in place.meta} | {"val": value}
        self.constants.fold(node)
        return node

    def look_again(self, node: fx.Node) -> None:
        """Find out what a call gives now that what it reads has been replaced."""
        args, kwargs = fx.map_arg((node.args, node.kwargs), lambda source: source.meta["val"])
        target: Any = node.target
        node.meta["val"] = target(*args, **kwargs)

    def constant(self, place: fx.Node, value: Tensor) -> fx.Node:
        """One more constant in front of ``place``."""
        value = value.to(self.constants.format) if value.is_floating_point() else value
        with self.graph.inserting_before(place):
            node: fx.Node = self.graph.create_node("get_attr", "constant", name="constant")
        node.meta["val"] = mode_of(place).from_tensor(value, static_shapes=True)
        self.constants.add(node, value)
        return node

    def replace(self, node: fx.Node, new: fx.Node) -> None:
        """Put ``new`` in the place of ``node``, which goes with all that served it alone."""
        node.replace_all_uses_with(new)
        self.drop(node)

    def drop(self, node: fx.Node) -> None:
        """Erase a call that nobody reads, and what nobody reads then."""
        if node.users or node.op != "call_function" or node._erased:
            return
        sources = node.all_input_nodes
        self.graph.erase_node(node)
        for source in sources:
            self.drop(source)


def is_same(a: Any, b: Any, depth: int = 4) -> bool:
    """Whether two arguments are one value: one node, or the same call of the same, as of ``x[:, :2]`` written twice."""
    if a is b or not isinstance(a, fx.Node) or not isinstance(b, fx.Node):
        return a is b or (type(a) is type(b) and not isinstance(a, fx.Node) and bool(a == b))
    if not depth or a.op != "call_function" or a.target is not b.target or len(a.args) != len(b.args):
        return False
    is_random = torch.Tag.nondeterministic_seeded in getattr(a.target, "tags", ())
    pairs = zip(a.args, b.args, strict=True)
    return not is_random and a.kwargs == b.kwargs and all(is_same(x, y, depth - 1) for x, y in pairs)


def mode_of(node: fx.Node) -> Any:
    """The mode in which the values of the exported graph exist."""
    value = node.meta["val"]
    return (value[0] if isinstance(value, (tuple, list)) else value).fake_mode


def name_of(node: Any) -> str:
    """The ATen name of a call, without its overload; empty for anything else."""
    target: Any = getattr(node, "target", None)
    is_aten = isinstance(target, torch._ops.OpOverload) and target.namespace == "aten"
    return target._schema.name.partition("::")[2] if is_aten else ""


def given(node: fx.Node) -> dict[str, Any]:
    """The arguments of a call by the names of its schema, defaults filled in."""
    schema = node.target._schema  # type: ignore[union-attr]
    bound = {argument.name: argument.default_value for argument in schema.arguments}
    bound |= dict(zip((argument.name for argument in schema.arguments), node.args, strict=False))
    return bound | node.kwargs
