"""From a checked header and tensors to a network that passed the gate."""

from __future__ import annotations

from typing import get_args

import torch
from msgspec import structs
from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from isospike.data.preprocess import Preprocess
from isospike.errors import ArtefactError
from isospike.graphs.graph import Graph, attach, op_of
from isospike.network import SNN, Profile, Provenance, ReadOut, network_of
from isospike.neurons import Neuron
from isospike.ops import Role
from isospike.targets.artefact import gate, tensor_gate
from isospike.targets.artefact.arguments import FLOATS
from isospike.targets.artefact.format import Header, Placed, ProvenanceFields
from isospike.targets.artefact.modules import build_module
from isospike.targets.artefact.nodes import build_node
from isospike.tasks import Task, task_with

CONSTANTS = (*FLOATS, torch.int64, torch.int32, torch.bool)


def build_network(header: Header, tensors: dict[str, Tensor]) -> SNN:
    """The network of a file.

    Raises:
        IsospikeError: it does not pass the gate.
    """
    graph = _graph(header)
    own, sets = _separated(header.calibrated, tensors)
    dtype = _number_format(tensors)
    _fill(graph, {name: tensor.to("meta") for name, tensor in own.items()})
    gate.check_shapes(graph, dtype)
    for steps, changed in sets.items():
        _check_set(graph, changed, steps, dtype)
    _fill(graph, own)
    tensor_gate.check_tensors(graph)
    profile = Profile(
        _provenance(header.provenance, graph),
        preprocess=_preprocess(header, graph),
        readout=_readout(header, graph),
        task=_task(header, graph),
    )
    return network_of(graph, profile, sets=sets)


def _graph(header: Header) -> Graph:
    """Modules and nodes, the tensors still to be filled in."""
    nodes, known = fx.Graph(), dict[str, fx.Node]()
    for fields in header.nodes:
        build_node(nodes, fields, known)
    gate.check_names(list(known.values()))
    called = {str(node.target) for node in known.values() if node.op == "call_module"}
    if called != set(header.modules):
        raise ArtefactError(f"modules and nodes do not match: {sorted(called ^ set(header.modules))[:5]}")
    root = nn.Module()
    for name, description in header.modules.items():
        attach(root, name, build_module(description))
    for node in known.values():
        if node.op == "get_attr":
            attach(root, str(node.target), torch.empty(()))
    graph = Graph(root, nodes)
    gate.check_graph(graph)
    return graph


def _separated(
    calibrated: list[int], tensors: dict[str, Tensor]
) -> tuple[dict[str, Tensor], dict[int, dict[str, Tensor]]]:
    """The tensors of the graph, and those that replace some at a number of steps, stored under ``@steps/name``."""
    own, sets = dict[str, Tensor](), {steps: dict[str, Tensor]() for steps in calibrated}
    if len(sets) < len(calibrated):
        raise ArtefactError(f"it is calibrated for {calibrated}, one number of steps twice")
    prefixes = {f"@{steps}": steps for steps in sets}
    for key, tensor in tensors.items():
        prefix, slash, name = key.partition("/")
        if not slash:
            own[key] = tensor
        elif prefix in prefixes:
            sets[prefixes[prefix]][name] = tensor
        else:
            raise ArtefactError(f"the tensor {key:.80} is of a number of steps that it is not calibrated for")
    return own, sets


def _number_format(tensors: dict[str, Tensor]) -> torch.dtype:
    """The one type of all real numbers of a network."""
    types = {tensor.dtype for tensor in tensors.values() if tensor.dtype in FLOATS}
    others = {tensor.dtype for tensor in tensors.values()} - set(CONSTANTS)
    if len(types) != 1 or others:
        raise ArtefactError(
            f"its tensors are of several types: {', '.join(sorted(map(str, types | others))) or 'none'}"
        )
    return types.pop()


def _fill(graph: Graph, tensors: dict[str, Tensor]) -> None:
    """Tensors under their names, exactly those that the graph has; layers say which shapes they have."""
    expected = graph.state_dict()
    if set(expected) != set(tensors):
        raise ArtefactError(f"the tensors do not match the graph: {sorted(set(expected) ^ set(tensors))[:5]}")
    constants = {str(node.target) for node in graph.graph.nodes if node.op == "get_attr"}
    for name, tensor in tensors.items():
        owner, _, leaf = name.rpartition(".")
        module = graph.get_submodule(owner)
        old = getattr(module, leaf)
        _check_place(name, tensor, old, constant=name in constants)
        setattr(module, leaf, nn.Parameter(tensor, requires_grad=False) if isinstance(old, nn.Parameter) else tensor)


def _check_place(name: str, tensor: Tensor, old: Tensor, *, constant: bool) -> None:
    """A tensor has the shape of the one it replaces, where that is a layer's, which lies on the ``meta`` device."""
    if not constant and tensor.dtype not in FLOATS:
        raise ArtefactError(f"{name} is of type {tensor.dtype}; a module has real numbers")
    if old.is_meta and tensor.shape != old.shape:
        raise ArtefactError(f"{name} has the shape {list(tensor.shape)}, its layer takes {list(old.shape)}")


def _check_set(graph: Graph, changed: dict[str, Tensor], steps: int, dtype: torch.dtype) -> None:
    """Tensors of a number of steps stand for some of the graph and fit their modules as those do."""
    known, sites = graph.state_dict(), {op_of(node).name: node for node in graph.nodes_with(Role.ACTIVATION)}
    constants = {str(node.target) for node in graph.graph.nodes if node.op == "get_attr"}
    for name, tensor in changed.items():
        site = next((site for site in sites if name.startswith(f"{site}.")), None)
        own = name in known or (site is not None and name == f"{site}.bias")
        if not own or name in constants or tensor.dtype is not dtype:
            raise ArtefactError(f"the tensor {name:.80} of {steps} steps stands for none of the graph")
        try:
            if site is not None:
                tensor_gate.check_neuron_tensors({name: tensor}, torch.Size(op_of(sites[site]).shape))
        except ValueError as error:
            raise ArtefactError(f"the tensor {name} of {steps} steps does not fit the graph: {error}") from error
        if site is None and known[name].shape != tensor.shape:
            raise ArtefactError(f"the tensor {name} of {steps} steps does not fit the graph")
        tensor_gate.check_numbers(name, tensor)


def _provenance(made: ProvenanceFields, graph: Graph) -> Provenance:
    """How it was made, as far as the graph can tell."""
    if not all(text.isprintable() for text in pytree.tree_leaves(made.options) if isinstance(text, str)):
        raise ArtefactError("the options of its method hold what is no text")
    if made.driven and set(made.driven) != set(get_args(Placed)):
        raise ArtefactError(f"it says what spikes drive of {', '.join(made.driven)} alone")
    named = {site for sites in (made.silent, *made.tables.values()) for site in sites}
    if not named <= set(graph.sites):
        raise ArtefactError(f"it tells of sites that it lacks: {sorted(named - set(graph.sites))[:5]}")
    return Provenance(**{**structs.asdict(made), "papers": tuple(made.papers)})


def _task(header: Header, graph: Graph) -> Task:
    """A registered task with options that it takes, which fits the outputs."""
    task = task_with(header.task.name, dict(header.task.options))
    task.check_outputs(graph.output_shapes)
    return task


def _readout(header: Header, graph: Graph) -> ReadOut:
    given = header.readout
    probe = max((module.probe_steps for module in graph.modules() if isinstance(module, Neuron)), default=0)
    if given.probe != probe:
        raise ArtefactError(f"its read-out leaves out {given.probe} steps of a probe, its neurons probe for {probe}")
    return ReadOut(given.delay, given.window, given.probe)


def _preprocess(header: Header, graph: Graph) -> Preprocess | None:
    """How images become inputs of the network's shape."""
    if header.preprocess is None:
        return None
    made = Preprocess.from_dict(header.preprocess)
    size, shape = made.size, graph.input_shape
    if size is not None and shape[1:] != (size, size):
        raise ArtefactError(f"its images are made {size} x {size}, its input has the shape {list(shape)}")
    return made
