"""Finds the wiring of a network: one walk through its graph with fields of ones in the place of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from isospike.costs.reach import Passage, argument_of, is_join, is_move, makes_currents, passed_on, synapses
from isospike.costs.wiring import Connection, Wiring
from isospike.executors.walk import compute
from isospike.graphs.graph import argument, op_of, output_leaves
from isospike.graphs.linear_part import linear_part
from isospike.graphs.macs import macs_by_node
from isospike.network import SNN
from isospike.ops import Role

ALWAYS_LEFT_OUT = (
    "the network's outputs: the additions that sum them over the steps",
    "moving spikes between cores, and whatever a chip uses while nothing happens",
)


@dataclass(frozen=True)
class _Value:
    """What is at every position of a value; each part is a field, a tuple of fields, or ``None`` for zeros."""

    events: Any = None
    """Events, when every source sends one from every neuron; differentiable by the sources."""
    image: Any = None
    """One where a value depends on the image alone, and does not change over time."""
    current: Any = None
    """One where a value is there at every step."""

    def parts(self) -> tuple[Any, Any, Any]:
        return self.events, self.image, self.current


def trace(snn: SNN) -> Wiring:
    """The wiring of a network; no image is needed.

    The fan-out of a neuron is the derivative of the number of synapses that events go through by the number of its
    events: exact, since both are whole numbers and the relation is linear.
    """
    return _Trace(snn).run()


class _Trace:
    def __init__(self, snn: SNN) -> None:
        self.snn, self.graph = snn, snn.graph
        self.timing = snn.timing()
        self.linear = linear_part(self.graph)
        self.twins = {node.name: node for node in self.linear.graph.nodes}
        self.macs = macs_by_node(self.graph)
        self.device = snn.reference_tensor.device
        self.values: dict[fx.Node, _Value] = {}
        self.leaves: dict[str, Tensor] = {}
        self.connections: list[Connection] = []
        self.left_out: list[str] = []

    def run(self) -> Wiring:
        for node in self.graph.input_nodes:
            self.values[node] = _Value(image=self._ones(node))
        with torch.inference_mode(False), torch.enable_grad():
            for node in self.graph.op_nodes():
                self.values[node] = self._visit(node)
        for leaf in output_leaves(self.graph.output_node):
            if leaf in self.values and self.values[leaf].events is not None:
                self._leave_out(leaf, "an output made of spikes; the additions that sum them")
        neurons = {name: leaf.numel() for name, leaf in self.leaves.items()}
        return Wiring(neurons, tuple(self.connections), (*self.left_out, *ALWAYS_LEFT_OUT))

    def _visit(self, node: fx.Node) -> _Value:
        role = op_of(node).role
        if role is Role.ACTIVATION:
            return self._site(node)
        if role is Role.MAX_POOL:
            return self._max_pool(node)
        if role is Role.INPUT:
            return self._out(node, still=True)
        if role is Role.ANALOGUE:
            return self._island(node)
        if role is Role.PRODUCT:
            return self._product(node)
        if is_join(node):
            return self._join(node)
        return self._weighted(node) if makes_currents(node) else self._pass(node)

    def _site(self, node: fx.Node) -> _Value:
        """Spikes that a neuron reads as they are cost one synaptic operation each."""
        value = self.values[argument(node)]
        if value.events is not None:
            self._connect(node, value.events.sum())
        return self._source(node)

    def _source(self, node: fx.Node) -> _Value:
        leaf = self._ones(node).requires_grad_()
        self.leaves[op_of(node).name] = leaf
        return _Value(events=leaf)

    def _max_pool(self, node: fx.Node) -> _Value:
        value = self.values[argument(node)]
        spikes = value.events is not None and value.image is None and value.current is None
        if spikes and self.timing.stays_train(node):
            self._leave_out(node, "a max pool of spike trains; its sums and comparisons (the events behind it count)")
            return self._source(node)
        self._leave_out(node, "a max pool of currents; its sums and comparisons")
        return self._out(node, still=value.events is None and value.current is None)

    def _island(self, node: fx.Node) -> _Value:
        macs = self.macs[node]
        still = self._is_still(node)
        if macs:
            when = {"once": macs, "each_step": 0} if still else {"once": 0, "each_step": macs}
            self._record(node, {}, input_steps=self.timing.analogue_steps, dense=macs, padded=macs, **when)
        what = "all but its matrix products" if macs else "its elementwise operations"
        self._leave_out(node, f"an analogue island, computed on decoded values; {what}, and the decoding of its inputs")
        return self._out(node, still=still)

    def _product(self, node: fx.Node) -> _Value:
        """Events of one operand, each accumulating as many values of the other as it is multiplied with.

        Either operand may be the one that is streamed; a connection for each.
        """
        operands = [source for source in node.all_input_nodes if source in self.values]
        ones = {source: self._ones(source) for source in operands}
        dense = _whole(compute(self.graph, node, ones).sum())
        spiking = [(side, source) for side, source in enumerate(operands) if self.values[source].events is not None]
        for side, source in spiking:
            total = compute(self.graph, node, {**ones, source: self.values[source].events}).sum()
            counts = {"dense": dense, "spiking": dense} if source is spiking[0][1] else {}
            self._record(node, self._fan_out(total), side=side, padded=dense, **counts)
        if not spiking:
            still = self._is_still(node)
            when = {"once": dense, "each_step": 0} if still else {"once": 0, "each_step": dense}
            self._record(node, {}, input_steps=self.timing.analogue_steps, dense=dense, padded=dense, **when)
        return self._out(node, still=self._is_still(node))

    def _join(self, node: fx.Node) -> _Value:
        """Every event costs one synaptic operation for every element that it is added to; currents share a membrane."""
        like = self._ones(node)
        read = [source for source in node.args[:2] if isinstance(source, fx.Node) and source in self.values]
        arriving = [self.values[source].events for source in read]
        present = [events.expand_as(like).sum() for events in arriving if events is not None]
        if present:
            self._connect(node, torch.stack(present).sum())
        return self._out(node, still=self._is_still(node))

    def _weighted(self, node: fx.Node) -> _Value:
        source = argument_of(node)
        value = self.values[source]
        once, each_step = (
            0 if part is None else _whole(synapses(self.graph, node, part)) for part in (value.image, value.current)
        )
        steps = self.timing.steps_of(source)
        spiking, total = 0, None
        if value.events is not None:
            total = synapses(self.graph, node, value.events)
            spiking = _whole(synapses(self.graph, node, _there(value.events)))
        counts = {"once": once, "each_step": each_step, "spiking": spiking, "dense": once + each_step + spiking}
        self._record(node, self._fan_out(total), input_steps=steps, padded=self.macs[node], **counts)
        return self._out(node, still=value.events is None and value.current is None)

    def _pass(self, node: fx.Node) -> _Value:
        """Moves, pools and factors, folded where they are behind spikes."""
        sources = [source for source in node.all_input_nodes if source in self.values]
        columns = zip(*(self.values[source].parts() for source in sources), strict=True)
        events, image, current = (self._passed(node, sources, parts) for parts in columns)
        there = [None if part is None else pytree.tree_map(_there, part) for part in (image, current)]
        if (image is not None or current is not None) and not is_move(node):
            self._leave_out(node, "on currents or the image; its additions or products with constants")
        return _Value(events, *there)

    def _passed(self, node: fx.Node, sources: list[fx.Node], parts: tuple[Any, ...]) -> Any:
        if all(part is None for part in parts):
            return None
        fields = {s: self._ones(s) * 0 if part is None else part for s, part in zip(sources, parts, strict=True)}
        twin = self.twins[node.name]

        def linear(known: Any) -> Any:
            return compute(self.linear, twin, {self.twins[source.name]: field for source, field in known.items()})

        return passed_on(Passage(self.graph, node, linear, fields))

    def _is_still(self, node: fx.Node) -> bool:
        """Whether all that an op reads depends on the image alone."""
        values = [self.values[source] for source in node.all_input_nodes if source in self.values]
        return all(value.events is None and value.current is None for value in values)

    def _out(self, node: fx.Node, *, still: bool) -> _Value:
        return _Value(image=self._ones(node)) if still else _Value(current=self._ones(node))

    def _connect(self, node: fx.Node, total: Tensor) -> None:
        self._record(node, self._fan_out(total))

    def _record(self, node: fx.Node, fan_out: dict[str, Tensor], **counts: int | None) -> None:
        known: dict[str, Any] = {"once": 0, "each_step": 0, "dense": 0, "spiking": 0, "padded": 0, "input_steps": None}
        self.connections.append(Connection(op_of(node).name, fan_out, **{**known, **counts}))

    def _fan_out(self, total: Tensor | None) -> dict[str, Tensor]:
        if total is None:
            return {}
        slopes = torch.autograd.grad(total, list(self.leaves.values()), allow_unused=True, retain_graph=True)
        found = {name: slope for name, slope in zip(self.leaves, slopes, strict=True) if slope is not None}
        return {name: _sample(slope).round().long() for name, slope in found.items() if slope.any()}

    def _leave_out(self, node: fx.Node, what: str) -> None:
        op = op_of(node)
        self.left_out.append(f"{op.name} ({op.kind}): {what}")

    def _ones(self, node: fx.Node) -> Tensor:
        return torch.ones(op_of(node).rows, *op_of(node).shape, dtype=torch.float64, device=self.device)


def _sample(field: Tensor) -> Tensor:
    """A field of one sample without the axis of the batch, unless the sample has several rows."""
    return field[0] if len(field) == 1 else field


def _there(field: Tensor) -> Tensor:
    """One where a field is not zero."""
    return (field > 0).double()


def _whole(count: Tensor) -> int:
    return round(count.item())
