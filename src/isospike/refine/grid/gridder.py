"""Exact networks: all parameters on a binary grid, so that no sum is ever rounded."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, fx

from isospike.errors import ConversionError
from isospike.graphs.graph import Graph, argument, attach, attribute, op_of
from isospike.graphs.op import Op
from isospike.neurons import Emitter, InputGrid
from isospike.ops import Role
from isospike.ops.two_sided import TwoSided
from isospike.refine.grid.budget import LEAST_BITS, Budget, Factors, Shares, Unlimited, exponent
from isospike.refine.grid.frontier import off_grid
from isospike.refine.grid.handlers import grids
from isospike.refine.grid.products import multiplied
from isospike.refine.grid.value import BUDGET, ONE, GridValue, digits_of, exact_fraction, rounded_to

INPUT_BITS = 24
"""Binary digits of an input at most: as many as float32 has."""
SILENT = 2.0**-40
"""A unit below this part of the largest sum belongs to a channel that calibration saw silent."""


def put_on_grid(graph: Graph, largest_input: float) -> Graph:
    """An accumulate-then-emit network in float64 in which every sum is exact, in any order.

    Neurons emit whole numbers; their units move into the weights behind them, ``W'' = W u_source``; averages become
    sums with a factor. Weights, biases and units are rounded to multiples of ``2^-f``, as many digits as fit:
    ``fraction + ceil(log2(largest partial sum)) <= 52``. Then products and partial sums are whole multiples of
    ``2^-fraction`` below ``2^53`` of them: the quantised ANN, the stepped and the collapsed network agree bit for bit,
    outputs included.

    The grid ends at the first analogue islands: what they read is exact, what is behind them stays as it is, in
    float64, and is equal up to rounding.

    Args:
        graph: the folded network with `Emitter` neurons; it is not changed.
        largest_input: magnitude that inputs may have.

    Raises:
        ConversionError: an op in front of the islands cannot be made exact, all listed; no site is in front of them;
            or the digits of float64 do not suffice at a site.
    """
    view = graph.view()
    draft = Gridder(view.view(), largest_input, Unlimited()).run()
    Gridder(view, largest_input, Shares(draft)).run()
    view.graph.lint()
    return copy.deepcopy(view.view()).double()


class Gridder:
    """Goes through the graph once; every node's value gets its place on the grid."""

    def __init__(self, graph: Graph, largest_input: float, budget: Budget) -> None:
        self.graph = graph
        self.largest_input = largest_input
        self.budget = budget
        self.off = off_grid(graph)
        self.values: dict[fx.Node, GridValue] = {}
        self.largest: dict[fx.Node, float] = {}
        """Bounds of the sums that ops and neurons make."""
        self.factors: dict[str, Factors] = {}
        """By op, what is multiplied with how large factors, where these are rounded."""
        self.exact: dict[str, int] = {}
        """By op, digits behind the point of factors that need no rounding."""

    def run(self) -> Gridder:
        """Replace modules, constants and arguments, in order of execution."""
        for node in list(self.graph.graph.nodes):
            if node.op == "placeholder":
                self._input(node)
            elif node.op == "output" or node in self.off:
                self.make_plain(node)
            elif node.op != "get_attr" and self.is_site(node):
                self._site(node)
            elif node.op != "get_attr":
                handler = multiplied if op_of(node).role is Role.PRODUCT else grids[op_of(node).family]
                self.place(node, handler(self, node))
        return self

    def ends(self, node: fx.Node) -> bool:
        """Whether sums end here: at a neuron, an output or an island."""
        return node.op == "output" or node in self.off or self.is_site(node)

    def is_site(self, node: fx.Node) -> bool:
        """Whether a node is a neuron."""
        return node.op != "output" and op_of(node).role is Role.ACTIVATION

    def place(self, node: fx.Node, value: GridValue) -> None:
        """Say where the value of ``node`` lies, if its digits suffice."""
        self.values[node], self.largest[node] = value, value.largest
        self.check(node, value.fraction + digits_of(value.largest) - self.budget.total)

    def _input(self, node: fx.Node) -> None:
        if self.off.issuperset(node.users):
            return
        largest, name = 2.0 ** digits_of(self.largest_input), f"{node.name}_grid"
        unit = GridValue(torch.ones((), dtype=torch.float64), 0, 1.0)
        fraction = min(self.fraction_for(node, name, unit, largest=largest), INPUT_BITS - digits_of(largest))
        attach(self.graph, name, InputGrid(fraction, largest))
        with self.graph.graph.inserting_after(node):
            rounded = self.graph.graph.call_module(name, (node,))
        node.replace_all_uses_with(rounded, delete_user_cb=lambda user: user is not rounded)
        rounded.meta["op"] = replace(op_of(node), name=name, kind="round", role=Role.LINEAR)
        self.place(rounded, replace(unit, fraction=fraction, largest=largest))

    def _site(self, node: fx.Node) -> None:
        neuron = self.graph.module_of(node)
        assert isinstance(neuron, Emitter)
        self.make_plain(node)
        current = self._quantised(node, neuron)
        given = unit = neuron.unit.double()
        v_init = neuron.v_init.double()
        for _ in range(2):  # rounding up may carry the sum over a power of two, which then has a coarser grid
            reach = current.largest + (neuron.levels + 1) * unit.max().item() + v_init.abs().max().item()
            finest = BUDGET - digits_of(reach)
            unit, v_init = rounded_to(unit, finest).clamp(min=2.0**-finest), rounded_to(v_init, finest)
        self.check(node, current.fraction + digits_of(reach) - self.budget.total)
        live = (given > SILENT * reach) & (given != 2.0**-finest)
        if live.any():
            self.check(node, LEAST_BITS - (finest + exponent(given[live].min().item())))
        self.graph.replace(node, neuron.rescaled(unit, v_init, amplitude=torch.ones_like(unit)))
        scale = unit.expand(1, *op_of(node).shape) if unit.dim() else unit
        self.values[node], self.largest[node] = GridValue(scale, 0, float(neuron.levels)), reach

    def _quantised(self, node: fx.Node, neuron: Emitter) -> GridValue:
        """Where what a neuron quantises lies: its current, or the two-sided function of that.

        Raises:
            ConversionError: the function has a constant that is no binary fraction of a few digits.
        """
        current, activation, name = self.values[argument(node)], neuron.activation, op_of(node).name
        if not isinstance(activation, TwoSided):
            return current
        digits, limits = exact_fraction(activation.slopes), exact_fraction(activation.limits)
        if digits is None or limits is None:
            raise ConversionError(
                f"exact=True cannot put the constants of '{name}' ({activation}) on the binary grid: they are no "
                "binary fractions of at most 8 digits; convert without it"
            )
        self.exact[name] = digits
        return replace(current, fraction=current.fraction + digits, largest=current.largest * activation.steepest)

    def make_plain(self, node: fx.Node) -> None:
        """Multiply the sources of ``node`` by their scales."""
        for source in node.all_input_nodes:
            value = self.values.get(source)
            if value is not None and not value.is_plain:
                self.times(source, node, value.scale, name=f"{source.name}_scale_{node.name}")

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

    def times(self, source: fx.Node, user: fx.Node, factor: Tensor, *, name: str) -> fx.Node:
        """Let ``user`` read the numbers of ``source`` times a factor that is rounded to the grid."""
        value = self.values[source]
        largest = value.largest * factor.abs().max().item()
        factor, fraction = self.rounded_factor(user, f"{name}.mul", value, factor=factor)
        constant = self.new_constant(name, factor.squeeze(0) if factor.dim() else factor, user)
        with self.graph.graph.inserting_before(user):
            product = self.graph.graph.call_function(torch.ops.aten.mul.Tensor, (source, constant))
        product.meta["op"] = replace(op_of(source), name=f"{name}.mul", kind="mul", role=Role.LINEAR)
        self.place(product, GridValue(ONE, value.fraction + fraction, largest))
        user.replace_input_with(source, product)
        return product

    def rounded_factor(self, node: fx.Node, name: str, value: GridValue, *, factor: Tensor) -> tuple[Tensor, int]:
        """A factor of ``value`` on the grid, and its digits behind the point; as it is where these are few."""
        fraction = exact_fraction(factor)
        if fraction is not None:
            self.exact[name] = fraction
            return factor, fraction
        fraction = self.fraction_for(node, name, value, largest=factor.abs().max().item())
        return rounded_to(factor, fraction), fraction

    def fraction_for(self, node: fx.Node, name: str, value: GridValue, *, largest: float) -> int:
        """Digits behind the point for factors.

        Args:
            node: where the factors are.
            name: of their op, which may be in front of ``node``.
            value: what they multiply.
            largest: magnitude of the largest factor.
        """
        self.factors[name] = value, largest
        self.check(node, self.budget.missing(name, value.fraction))
        return self.budget.fraction(name, value.fraction)

    def check(self, node: fx.Node, missing: int) -> None:
        """Refuse what needs more digits than float64 has."""
        if missing > 0:
            raise ConversionError(
                f"exact=True: site '{self._site_behind(node)}' lacks {missing} bits of float64's 53; "
                "use fewer levels or fewer layers in a row before it, or convert without exact"
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
