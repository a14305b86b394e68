"""A network as two lists of instructions: what is computed once, and what is computed for every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

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

    Args:
        graph: the network with temporal modules.
        constant_input: the same input at every step (direct coding): everything up to the first neurons is
            then computed once.
    """
    changing = _changing(graph, constant_input)
    nodes = [node for node in graph.graph.nodes if node.op != "output"]
    output = graph.output_node
    later = [node for node in nodes if node in changing]
    frontier = {source for node in [*later, output] for source in node.all_input_nodes if source not in changing}
    kernels = _kernels(graph, later)
    return Program(
        once=_instructions(graph, [n for n in nodes if n not in changing], keep=frontier, kernels={}),
        every_step=_instructions(graph, later, keep=set(output.all_input_nodes) | frontier, kernels=kernels),
        frontier=frozenset(frontier),
        changing=frozenset(changing),
        inputs=tuple(graph.input_nodes),
        output=output,
        step_elements=_peak_elements(later, output),
        whole_train=next((op_of(node).name for node in later if _needs_whole_train(graph, node)), None),
        restart=max((m.probe_steps for m in graph.modules() if isinstance(m, Neuron)), default=0),
    )


def reads_means(node: fx.Node) -> bool:
    """Whether a node is computed on the means so far: an island, or a product of two values that change.

    Of a product ``t m_A m_B - (t - 1) m_A' m_B'`` is what its two-term form gives: one spike train times all spikes of
    the other so far, and the other times those before.
    """
    return is_island(node) or op_of(node).role is Role.PRODUCT


def _changing(graph: Graph, constant_input: bool) -> set[fx.Node]:
    changing: set[fx.Node] = set() if constant_input else {graph.input_node}
    for node in graph.graph.nodes:
        if node.op == "output":
            continue
        if _spikes(graph, node) or any(source in changing for source in node.all_input_nodes):
            changing.add(node)
    return changing


def _spikes(graph: Graph, node: fx.Node) -> bool:
    module = graph.module_of(node) if node.op == "call_module" else None
    return isinstance(module, Temporal) and module.spikes


def _sends_outputs(graph: Graph, node: fx.Node) -> bool:
    """Whether the output of a neuron is the events that it sends."""
    return _spikes(graph, node) and not graph.module_of(node).predicts


def _needs_whole_train(graph: Graph, node: fx.Node) -> bool:
    module = graph.module_of(node) if node.op == "call_module" else None
    return isinstance(module, Temporal) and module.whole_train


def _sparse(graph: Graph) -> set[fx.Node]:
    """Nodes whose value at one step is mostly zero: spikes, and what only moves or pools them."""
    sparse: set[fx.Node] = set()
    for node in graph.op_nodes():
        sources = [source for source in node.all_input_nodes if source.op != "get_attr"]
        if _sends_outputs(graph, node) or (_keeps_zeros(node) and sparse.issuperset(sources)):
            sparse.add(node)
    return sparse


def _keeps_zeros(node: fx.Node) -> bool:
    """Whether an op makes mostly zeros of mostly zeros."""
    record = op_of(node).record
    return record is not None and record.makes_zeros_of_zeros


def _is_fresh(call: fx.Node) -> bool:
    """Whether the result of a call is memory of its own, never a view of an argument."""
    record = op_of(call).record
    return record is not None and record.family.is_fresh


def _kernels(graph: Graph, nodes: list[fx.Node]) -> dict[fx.Node, SparseConvolution]:
    """The layers that kernels compute at every step, told which of their inputs are sparse."""
    sparse, kernels = _sparse(graph), dict[fx.Node, SparseConvolution]()
    for node in nodes:
        if node.op == "call_module":
            kernel = kernel_of(graph.module_of(node), sparse=sparse.issuperset(node.all_input_nodes))
            if kernel is not None:
                kernels[node] = kernel
    return kernels


def _instructions(
    graph: Graph, nodes: list[fx.Node], *, keep: set[fx.Node], kernels: dict[fx.Node, SparseConvolution]
) -> tuple[Instruction, ...]:
    last_use: dict[fx.Node, fx.Node] = {}
    for node in nodes:
        for source in node.all_input_nodes:
            last_use[source] = node
    instructions = []
    for node in nodes:
        free = tuple(s for s in node.all_input_nodes if last_use[s] is node and s not in keep)
        unused = () if node in last_use or node in keep else (node,)
        call = kernels.get(node) or _callable(graph, node)
        instructions.append(Instruction(node, call, free + unused, _may_overwrite(graph, node)))
    return tuple(instructions)


def _callable(graph: Graph, node: fx.Node) -> Callable[..., Any]:
    if node.op == "call_module":
        return graph.module_of(node)
    if node.op == "call_function":
        assert callable(node.target)
        return node.target
    if node.op == "get_attr":
        return lambda: attribute(graph, str(node.target))
    return lambda: None


def _may_overwrite(graph: Graph, node: fx.Node) -> bool:
    """A neuron owns its currents when it alone reads them and they were computed for it."""
    if node.op != "call_module" or not isinstance(graph.module_of(node), Temporal):
        return False
    source = node.all_input_nodes[0]
    if len(source.users) > 1:
        return False
    return source.op == "call_module" or (source.op == "call_function" and _is_fresh(source))


def _peak_elements(nodes: list[fx.Node], output: fx.Node) -> int:
    """Liveness of the values that exist once per step."""
    order = {node: index for index, node in enumerate([*nodes, output])}
    last = {node: max((order[user] for user in node.users if user in order), default=order[node]) for node in nodes}
    size = {node: int(torch.Size(op_of(node).shape).numel()) if node.op != "get_attr" else 0 for node in nodes}
    peak = alive = 0
    ending: dict[int, int] = {}
    for index, node in enumerate(nodes):
        alive += size[node]
        ending[last[node]] = ending.get(last[node], 0) + size[node]
        peak = max(peak, alive)
        alive -= ending.pop(index, 0)
    return max(peak, 1)
