"""Exact networks: all parameters on a binary grid, so that no sum is ever rounded."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch import Tensor, fx, nn

from isospike.capture.graph import Graph, Op, argument, attach, attribute, op_of
from isospike.capture.roles import Role
from isospike.errors import ConversionError
from isospike.neurons import Emitter, InputGrid
from isospike.refine import grid_ops
from isospike.refine.grid_value import BUDGET, GridValue, digits, exact_fraction, rounded_to

INPUT_BITS = 24
"""Binary digits of an input at most: as many as float32 has."""
PHASE_BITS = 12
"""The phases of quantisers are multiples of 2^-12."""
LEAST_BITS = 10
"""Binary digits that the largest weight of a layer, and every unit of a site, must keep."""
HEADROOM = 4
"""Digits left free for the additions behind a layer."""


def put_on_grid(graph: Graph, largest_input: float) -> Graph:
    """An accumulate-then-emit network in float64 in which every sum is exact, in any order.

    Neurons emit whole numbers; their units move into the weights behind them, ``W'' = W u_source``; averages become
    sums with a factor. Weights, biases and units are rounded to multiples of ``2^-f``, as many digits as fit:
    ``fraction + ceil(log2(largest partial sum)) <= 52``. Then products and partial sums are whole multiples of
    ``2^-fraction`` below ``2^53`` of them: the quantised ANN, the stepped and the collapsed network agree bit for bit,
    outputs included.

    Args:
        graph: the folded network with `Emitter` neurons; it is not changed.
        largest_input: magnitude that inputs may have.

    Raises:
        ConversionError: an op cannot be made exact, all listed; or the digits of float64 do not suffice at a site.
    """
    view = graph.view()
    kinds = grid_ops.HANDLERS
    refused = [op for op in map(op_of, view.op_nodes()) if op.role is not Role.ACTIVATION and op.kind not in kinds]
    if refused:
        names = ", ".join(f"{op.name} ({op.kind})" for op in refused)
        raise ConversionError(f"exact=True cannot make these ops exact: {names}; convert without it")
    Gridder(view, largest_input).run()
    view.graph.lint()
    view.recompile()
    return copy.deepcopy(view.view()).double()


class Gridder:
    """Goes through the graph once; every node's value gets its place on the grid."""

    def __init__(self, graph: Graph, largest_input: float) -> None:
        self.graph = graph
        self.largest_input = largest_input
        self.values: dict[fx.Node, GridValue] = {}
        self.later = _layers_behind(graph)

    def run(self) -> None:
        """Replace modules, constants and arguments, in order of execution."""
        for node in list(self.graph.graph.nodes):
            if node.op == "placeholder":
                self._input(node)
            elif node.op == "output":
                self.make_plain(node)
            elif node.op != "get_attr" and isinstance(self._module(node), Emitter):
                self._site(node)
            elif node.op != "get_attr":
                self.values[node] = grid_ops.HANDLERS[op_of(node).kind](self, node)

    def _module(self, node: fx.Node) -> nn.Module | None:
        return self.graph.module_of(node) if node.op == "call_module" else None

    def _ends(self, node: fx.Node) -> bool:
        return node.op == "output" or isinstance(self._module(node), Emitter)

    def _input(self, node: fx.Node) -> None:
        integer = digits(self.largest_input)
        bits = min(INPUT_BITS, (BUDGET - HEADROOM) // (self.later[node] + 1))
        fraction, name = bits - integer, f"{node.name}_grid"
        attach(self.graph, name, InputGrid(fraction, 2.0**integer))
        with self.graph.graph.inserting_after(node):
            rounded = self.graph.graph.call_module(name, (node,))
        node.replace_all_uses_with(rounded, delete_user_cb=lambda user: user is not rounded)
        rounded.meta["op"] = replace(op_of(node), name=name, kind="round", role=Role.LINEAR)
        self.values[rounded] = GridValue(torch.ones((), dtype=torch.float64), fraction, 2.0**integer)
        self.later[rounded] = self.later[node]

    def _site(self, node: fx.Node) -> None:
        neuron = self._module(node)
        assert isinstance(neuron, Emitter)
        self.make_plain(node)
        current = self.values[argument(node)]
        coarse = current.fraction - PHASE_BITS  # phase times unit is on the grid of the current
        unit = neuron.unit.double()
        live = (unit > unit.max() * 2.0**-20) & (unit != 2.0**-coarse)  # the others are silent channels
        if live.any():
            self.check(node, LEAST_BITS - (coarse + math.floor(math.log2(unit[live].min().item()))))
        unit = rounded_to(unit, coarse).clamp(min=2.0**-coarse)
        reach = current.largest + (neuron.levels + 1) * unit.max().item()
        self.check(node, current.fraction + digits(reach) - BUDGET)
        options = {"phase": neuron.phase, "activation": neuron.activation, "amplitude": torch.ones_like(unit)}
        self.graph.replace(node, type(neuron)(unit, neuron.levels, **options))  # type: ignore[arg-type]
        scale = unit.expand(1, *op_of(node).shape) if unit.dim() else unit
        self.values[node] = GridValue(scale, 0, float(neuron.levels))

    def make_plain(self, node: fx.Node) -> None:
        """Multiply the sources of ``node`` by their scales, with digits for the sum of all."""
        sources = [source for source in node.all_input_nodes if source in self.values]
        total = sum(self.values[source].magnitude for source in sources)
        for source in sources:
            node.replace_input_with(source, self.plain(source, node, total))

    def constant(self, node: fx.Node) -> Tensor:
        """A constant of the graph, in float64."""
        return attribute(self.graph, str(node.target)).detach().double()

    def new_constant(self, name: str, value: Tensor, user: fx.Node) -> fx.Node:
        """A constant node in front of ``user``."""
        attach(self.graph, name, value)
        with self.graph.graph.inserting_before(user):
            node = self.graph.graph.get_attr(name)
        node.meta["op"] = Op(name, "constant", Role.LINEAR, "", "", tuple(value.shape))
        return node

    def plain(self, source: fx.Node, user: fx.Node, total: float) -> fx.Node:
        """A node with the value itself: ``source``, or ``source`` times its scale, for a sum of at most ``total``."""
        value = self.values[source]
        if value.is_plain:
            return source
        scale = value.scale
        largest = scale.abs().max().item()
        layers = 0 if self._ends(user) else self.later[user] + _has_factors(self.graph, user)
        fraction = exact_fraction(scale)
        if fraction is None:
            fraction = self.fraction_for(user, value, total, largest, layers)
        name = f"{source.name}_scale_{user.name}"
        factor = rounded_to(scale, fraction)
        constant = self.new_constant(name, factor.squeeze(0) if scale.dim() else factor, user)
        with self.graph.graph.inserting_before(user):
            product = self.graph.graph.call_function(torch.ops.aten.mul.Tensor, (source, constant))
        product.meta["op"] = replace(op_of(source), name=f"{name}.mul", kind="mul", role=Role.LINEAR)
        self.values[product] = GridValue(value.scale.new_ones(()), value.fraction + fraction, value.magnitude)
        return product

    def fraction_for(self, node: fx.Node, value: GridValue, largest: float, weight: float, layers: int) -> int:
        """Digits behind the point for the factors of ``node``, an equal share for every layer up to the next site.

        Args:
            node: where the factors are.
            value: what they multiply.
            largest: bound of the partial sums.
            weight: magnitude of the largest factor.
            layers: how many layers with weights come before the next site, this one left out.
        """
        room = BUDGET - HEADROOM - value.fraction - digits(largest)
        fraction = room // (layers + 1)
        if weight > 0:
            self.check(node, LEAST_BITS - (fraction + math.floor(math.log2(weight))))
        return fraction

    def check(self, node: fx.Node, missing: int) -> None:
        """Refuse what needs more digits than float64 has."""
        if missing > 0:
            raise ConversionError(
                f"exact=True: site '{self._site_behind(node)}' lacks {missing} bits of float64's 53; "
                "use fewer levels there, or convert without exact"
            )

    def _site_behind(self, node: fx.Node) -> str:
        nodes = iter([node, *_following(node)])
        sites = (op_of(n).name for n in nodes if n.op != "output" and op_of(n).role is Role.ACTIVATION)
        return next(sites, "output")


def _following(node: fx.Node) -> list[fx.Node]:
    """Users, their users and so on, nearest first."""
    found: list[fx.Node] = []
    front = list(node.users)
    while front:
        found += front
        front = [user for one in front for user in one.users if user not in found]
    return found


def _layers_behind(graph: Graph) -> dict[fx.Node, int]:
    """Per node, the largest number of ops with factors of their own between it and the next sites."""
    later: dict[fx.Node, int] = {}
    for node in reversed(graph.graph.nodes):
        counts = [0]
        for user in node.users:
            module = graph.module_of(user) if user.op == "call_module" else None
            if user.op != "output" and not isinstance(module, Emitter):
                counts.append(later[user] + _has_factors(graph, user))
        later[node] = max(counts)
    return later


def _has_factors(graph: Graph, node: fx.Node) -> bool:
    """Whether an op multiplies with numbers of its own."""
    module = graph.module_of(node) if node.op == "call_module" else None
    if isinstance(getattr(module, "weight", None), Tensor) or op_of(node).kind in grid_ops.AVERAGES:
        return True
    numbers = [torch.tensor(float(a)) for a in node.args[:2] if isinstance(a, (int, float))]
    return op_of(node).kind in ("mul", "div") and (not numbers or exact_fraction(numbers[0]) is None)
