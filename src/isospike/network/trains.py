"""An accumulate-then-emit network compiled for stepping: how long the train of every node is, and what it is."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import torch
from torch import fx

from isospike.graphs.graph import Graph, argument, is_island, last_readers, op_of, pools_positions
from isospike.network.timing import Timing
from isospike.neurons import Emitter
from isospike.neurons.codes import Code
from isospike.ops import Role, family


@dataclass(frozen=True)
class TrainProgram(Timing):
    """Nodes in order of execution with the length of their sequences."""

    graph: Graph
    steps: dict[fx.Node, int]
    """Number of steps of every node's sequence; analogue values come in one step."""
    trains: dict[fx.Node, Code]
    """The nodes whose sequences are spike trains of one code, an amplitude per channel."""
    analogue: frozenset[fx.Node]
    """The nodes whose values no spike is summed up in, and which are there at once."""
    free: dict[fx.Node, tuple[fx.Node, ...]]
    """Nodes whose values nobody needs after this one."""

    analogue_steps = 1

    def stays_train(self, pool: fx.Node) -> bool:
        """Where its code lets it; any other waits for totals."""
        return pool in self.trains

    def steps_of(self, node: fx.Node) -> int:
        """Length of its own sequence."""
        return self.steps[node]

    def streamed(self, product: fx.Node) -> fx.Node:
        """The operand of a product whose spikes come one after the other; the other one is decoded before."""
        return _streamed(product, self.analogue)

    def updates(self, site: fx.Node, steps: int) -> int:
        """As the neuron has it, from what it reads."""
        neuron, read = self.graph.module_of(site), argument(site)
        assert isinstance(neuron, Emitter)
        return neuron.updates(None if read in self.analogue else self.steps[read])

    def peak(self, steps: Mapping[fx.Node, int]) -> int:
        """Largest number of elements, per sample, alive at once with sequences of ``steps`` steps."""
        alive = peak = 0
        size = {node: count * torch.Size(op_of(node).shape).numel() for node, count in steps.items()}
        for node in steps:
            alive += size[node]
            peak = max(peak, alive)
            alive -= sum(size.get(dead, 0) for dead in self.free.get(node, ()))
        return max(peak, 1)


def compile_trains(graph: Graph) -> TrainProgram:
    """Lengths, trains and lifetimes of a network's nodes."""
    steps, trains, analogue = dict[fx.Node, int](), dict[fx.Node, Code](), set[fx.Node]()
    for node in graph.graph.nodes:
        if node.op in ("output", "get_attr"):
            continue
        code = _code(graph, node, trains)
        if code is not None:
            trains[node] = code
        elif _waits(node) or analogue.issuperset(_read(node)) or _joins_totals(node, analogue):
            analogue.add(node)
        steps[node] = 1 if node in analogue else _steps(graph, node, steps, analogue)
    return TrainProgram(graph, steps, trains, frozenset(analogue), last_readers(graph.graph))


def _code(graph: Graph, node: fx.Node, trains: dict[fx.Node, Code]) -> Code | None:
    """The code of a spike train: of a neuron, of pooled trains, of trains joined along their channels."""
    module = graph.module_of(node) if node.op == "call_module" else None
    if isinstance(module, Emitter):
        return module.code
    if node.op == "placeholder":
        return None
    if op_of(node).role is Role.MAX_POOL:
        return trains.get(argument(node)) if pools_positions(node) else None
    if _joins_channels(node) and (node.args[1:] or (0,))[0] == 1:
        codes = {trains.get(source) for source in node.all_input_nodes}
        return codes.pop() if len(codes) == 1 else None
    return None


def _joins_channels(node: fx.Node) -> bool:
    """Whether a node joins values along an axis that they have."""
    record = op_of(node).record
    return record is not None and record.family is family.JOIN and not record.new_axis


def _steps(graph: Graph, node: fx.Node, steps: dict[fx.Node, int], analogue: Container[fx.Node]) -> int:
    module = graph.module_of(node) if node.op == "call_module" else None
    if isinstance(module, Emitter):
        return module.steps
    if op_of(node).role is Role.PRODUCT:
        return steps[_streamed(node, analogue)]
    return max(steps[source] for source in _read(node))


def _streamed(product: fx.Node, analogue: Container[fx.Node]) -> fx.Node:
    """The first operand that comes as spikes."""
    return next(source for source in _read(product) if source not in analogue)


def _waits(node: fx.Node) -> bool:
    """Whether a node that gives no train needs the totals of what it reads."""
    return node.op != "placeholder" and (is_island(node) or op_of(node).role is Role.MAX_POOL)


def _joins_totals(node: fx.Node, analogue: Container[fx.Node]) -> bool:
    """Whether a sum adds an analogue value to spikes for islands alone, as scores have a mask or a maximum added.

    It waits for the totals. A mask of the most negative number takes all digits of what it is added to; spikes that
    come after it would bring some of them back, where the maximum of a whole masked row is subtracted again.
    """
    return _adds(node) and any(source in analogue for source in _read(node)) and _serves_islands(node)


def _serves_islands(node: fx.Node) -> bool:
    """Whether islands alone read a sum, or sums that islands alone read."""
    return all(is_island(user) or (_adds(user) and _serves_islands(user)) for user in node.users)


def _adds(node: fx.Node) -> bool:
    return node.op == "call_function" and op_of(node).family is family.ADD


def _read(node: fx.Node) -> list[fx.Node]:
    return [source for source in node.all_input_nodes if source.op != "get_attr"]
