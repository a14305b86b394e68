"""A network as two lists of instructions: what is computed once, and what is computed for every step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from isospike.graphs.graph import Graph, attribute, is_island, op_of
from isospike.kernels import SparseConvolution, kernel_of
from isospike.neurons import Neuron, Temporal
from isospike.ops import Role


@dataclass(frozen=True)
class Instruction:
    """One node, ready to run."""

    node: fx.Node
    call: Callable[..., Any]
    """The module or function."""
    free: tuple[fx.Node, ...]
    """Nodes whose values nobody needs after this one."""
    overwrites: bool
    """Whether a neuron may write its spikes over its currents."""


@dataclass(frozen=True)
class Program:
    """Instructions in order of execution, split by whether their result changes over time."""

    once: tuple[Instruction, ...]
    every_step: tuple[Instruction, ...]
    frontier: frozenset[fx.Node]
    """Results of the first list that the second list, or the output, reads."""
    changing: frozenset[fx.Node]
    """Nodes whose value changes from step to step."""
    inputs: tuple[fx.Node, ...]
    output: fx.Node
    step_elements: int
    """Largest number of elements, per sample and step, that are alive at once in the second list."""
    whole_train: str | None
    """Name of a neuron layer that needs all steps at once, if there is one."""
    restart: int
    """Steps in which neurons probe, after which whatever has memory starts anew."""


def compile_program(graph: Graph, *, constant_input: bool) -> Program:
    """Split and order the nodes of a network.

    A call of a network compiles it each time, so this only reads, and looks up every module once.

    Args:
        graph: the network with temporal modules.
        constant_input: the same input at every step (direct coding): everything up to the first neurons is
            then computed once.
    """
    nodes = [node for node in graph.graph.nodes if node.op != "output"]
    modules = {node: graph.module_of(node) for node in nodes if node.op == "call_module"}
    temporal = {node: module for node, module in modules.items() if isinstance(module, Temporal)}
    sources = {node: node.all_input_nodes for node in nodes}
    changing = _changing(sources, temporal, frozenset() if constant_input else {graph.input_node})
    output = graph.output_node
    later = [node for node in nodes if node in changing]
    read = [*(sources[node] for node in later), output.all_input_nodes]
    frontier = {source for each in read for source in each if source not in changing}
    calls = {node: modules[node] if node in modules else _callable(graph, node) for node in nodes}
    layers = {node: modules[node] for node in later if node in modules and node not in temporal}
    kernels = _kernels(layers, sources, _sparse(sources, temporal))
    owned = {node for node in temporal if _owns_currents(sources[node])}
    once = _instructions([n for n in nodes if n not in changing], sources, calls, keep=frontier, owned=owned)
    kept = {*output.all_input_nodes, *frontier}
    return Program(
        once=once,
        every_step=_instructions(later, sources, calls | kernels, keep=kept, owned=owned),
        frontier=frozenset(frontier),
        changing=frozenset(changing),
        inputs=tuple(graph.input_nodes),
        output=output,
        step_elements=_peak_elements(later, sources, output),
        whole_train=next((op_of(n).name for n in later if n in temporal and temporal[n].whole_train), None),
        restart=max((m.probe_steps for m in temporal.values() if isinstance(m, Neuron)), default=0),
    )


def reads_means(node: fx.Node) -> bool:
    """Whether a node is computed on the means so far: an island, or a product of two values that change.

    Of a product ``t m_A m_B - (t - 1) m_A' m_B'`` is what its two-term form gives: one spike train times all spikes of
    the other so far, and the other times those before.
    """
    return is_island(node) or op_of(node).role is Role.PRODUCT


Sources = Mapping[fx.Node, Sequence[fx.Node]]
"""What every node reads."""


def _changing(sources: Sources, temporal: Mapping[fx.Node, Temporal], inputs: Set[fx.Node]) -> set[fx.Node]:
    """Spike trains, and what is computed of them or of an input that changes."""
    changing = set(inputs)
    for node, read in sources.items():
        if not changing.isdisjoint(read) or (node in temporal and temporal[node].spikes):
            changing.add(node)
    return changing


def _sparse(sources: Sources, temporal: Mapping[fx.Node, Temporal]) -> set[fx.Node]:
    """Nodes whose value at one step is mostly zero: spikes, and what only moves or pools them."""
    sparse: set[fx.Node] = set()
    for node, read in sources.items():
        if _sends_outputs(temporal.get(node)) or (
            _keeps_zeros(node) and sparse.issuperset(s for s in read if s.op != "get_attr")
        ):
            sparse.add(node)
    return sparse


def _sends_outputs(module: Temporal | None) -> bool:
    """Whether the output of a neuron is the events that it sends."""
    return module is not None and module.spikes and not module.predicts


def _keeps_zeros(node: fx.Node) -> bool:
    """Whether an op makes mostly zeros of mostly zeros."""
    record = op_of(node).record if node.op in ("call_module", "call_function") else None
    return record is not None and record.makes_zeros_of_zeros


def _is_fresh(call: fx.Node) -> bool:
    """Whether the result of a call is memory of its own, never a view of an argument."""
    record = op_of(call).record
    return record is not None and record.family.is_fresh


def _kernels(
    layers: Mapping[fx.Node, nn.Module], sources: Sources, sparse: set[fx.Node]
) -> dict[fx.Node, SparseConvolution]:
    """The layers that kernels compute at every step, told which of their inputs are sparse."""
    found = {node: kernel_of(module, sparse=sparse.issuperset(sources[node])) for node, module in layers.items()}
    return {node: kernel for node, kernel in found.items() if kernel is not None}


def _instructions(
    nodes: Sequence[fx.Node],
    sources: Sources,
    calls: Mapping[fx.Node, Callable[..., Any]],
    *,
    keep: Set[fx.Node],
    owned: Set[fx.Node],
) -> tuple[Instruction, ...]:
    last_use = {source: node for node in nodes for source in sources[node]}
    instructions = []
    for node in nodes:
        free = [s for s in sources[node] if last_use[s] is node and s not in keep]
        if node not in last_use and node not in keep:
            free.append(node)
        instructions.append(Instruction(node, calls[node], tuple(free), node in owned))
    return tuple(instructions)


def _callable(graph: Graph, node: fx.Node) -> Callable[..., Any]:
    if node.op == "call_function":
        assert callable(node.target)
        return node.target
    if node.op == "get_attr":
        return lambda: attribute(graph, str(node.target))
    return lambda: None


def _owns_currents(sources: Sequence[fx.Node]) -> bool:
    """A neuron owns its currents when it alone reads them and they were computed for it."""
    source = sources[0]
    if len(source.users) > 1:
        return False
    return source.op == "call_module" or (source.op == "call_function" and _is_fresh(source))


def _peak_elements(nodes: list[fx.Node], sources: Sources, output: fx.Node) -> int:
    """Liveness of the values that exist once per step."""
    last = {node: node for node in nodes}
    last |= {source: node for node in nodes for source in sources[node] if source in last}
    last |= {source: output for source in output.all_input_nodes if source in last}
    size = {node: math.prod(op_of(node).shape) if node.op != "get_attr" else 0 for node in nodes}
    ending = dict.fromkeys([*nodes, output], 0)
    for node, reader in last.items():
        ending[reader] += size[node]
    peak = alive = 0
    for node in nodes:
        alive += size[node]
        peak = max(peak, alive)
        alive -= ending[node]
    return max(peak, 1)
