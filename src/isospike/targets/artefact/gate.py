"""The gate that a network from a file passes before any of its tensors is used.

What passes it runs: every name is one that a capture gives, every op has the role and the place in the graph that a
capture would give it, every value has the shape that the file says, at two sizes of the batch, and every tensor has the
type, the shape and the numbers that its module needs. Shapes are computed on torch's ``meta`` device, which holds no
numbers, so the gate computes and allocates nothing large. How long a network may take to run is not limited here,
beyond the size of one value and the windows of pools.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from isospike.errors import ArtefactError
from isospike.graphs.graph import Graph, call, op_of, output_leaves
from isospike.graphs.op import Op
from isospike.graphs.origin import Names
from isospike.messages import first_line
from isospike.neurons import InputGrid, Kind, Neuron
from isospike.ops import Call, Family, Role, family, table
from isospike.ops.affine import ChannelAffine
from isospike.ops.layers import aten_name
from isospike.ops.two_sided import TwoSided
from isospike.pooling import MaxPoolRule
from isospike.sites.driven import is_product
from isospike.targets.artefact.call_gate import check_op, check_work, record_of
from isospike.targets.artefact.format import LARGEST_VALUE
from isospike.targets.artefact.layers import LINEAR
from isospike.targets.artefact.tensor_gate import check_neuron_tensors

BATCHES = (1, 5)
"""Sizes at which shapes are computed: one of them tells an axis of the batch from any other."""
Weighted = (
    nn.Conv1d
    | nn.Conv2d
    | nn.Conv3d
    | nn.ConvTranspose1d
    | nn.ConvTranspose2d
    | nn.ConvTranspose3d
    | nn.Linear
    | ChannelAffine
)
"""Layers with weights."""
FORMATS = {"int64": torch.int64, "int32": torch.int32, "bool": torch.bool}
"""Of tokens and masks."""
POINTWISE = (Neuron, InputGrid)
"""Modules whose output has the shape of their input, and whose tensors broadcast to it."""


def check_graph(graph: Graph) -> None:
    """Names, order, roles and kinds of the nodes; no tensor is looked at.

    Raises:
        ArtefactError: the nodes are not those of a converted network.
    """
    nodes = list(graph.graph.nodes)
    ops, inputs = [node.op for node in nodes], graph.input_nodes
    if not inputs or nodes[: len(inputs)] != inputs or ops.count("output") != 1 or ops[-1] != "output":
        raise ArtefactError("its graph does not lead from inputs to one output")
    if len(set(graph.input_names)) < len(inputs) or any(op_of(node).role is not Role.INPUT for node in inputs):
        raise ArtefactError("its inputs have no names of their own, or another role")
    leaves = output_leaves(nodes[-1])
    if not leaves or any(leaf.op == "get_attr" for leaf in leaves):
        raise ArtefactError("its output is not computed from its input")
    changing = set(inputs)
    for node in nodes[len(inputs) : -1]:
        if not changing.isdisjoint(node.all_input_nodes):
            changing.add(node)
        elif node.op != "get_attr":
            raise ArtefactError(f"{op_of(node).name} is not computed from the input")
        _check_role(graph, node, changing)
    emits = any(isinstance(module, Neuron) and module.kind is Kind.EMITTING for module in graph.modules())
    if any(isinstance(graph.module_of(node), MaxPoolRule) is emits for node in graph.nodes_with(Role.MAX_POOL)):
        raise ArtefactError("its max pools are not those of its kind of neurons")
    probing = [module.probe_steps for module in graph.modules() if isinstance(module, Neuron) and module.probe_steps]
    if len(set(probing)) > 1:
        raise ArtefactError(f"its neurons probe for different numbers of steps: {sorted(set(probing))}")


def check_names(nodes: list[fx.Node]) -> None:
    """Every op has a name of its own; those of modules and constants are their places, and such as a capture gives.

    Raises:
        ArtefactError: they are not.
    """
    places, taken = Names(), set[str]()
    for node in nodes:
        if node.op in ("placeholder", "output"):
            continue
        name = op_of(node).name
        if name in taken or (node.op != "call_function" and places.claim(name) != name):
            raise ArtefactError(f"the name '{name}' is taken, lies inside another, or is one of the network's own")
        if node.op != "call_function" and name != node.target:
            raise ArtefactError(f"the op '{name}' is at '{node.target}'; modules and constants have their own names")
        taken.add(name)


def _check_role(graph: Graph, node: fx.Node, changing: set[fx.Node]) -> None:
    op = op_of(node)
    if op.numbers != "real" and op.role is not Role.INPUT:
        raise ArtefactError(f"{op.name} puts out {op.numbers}, and is no part of the input")
    role, kinds = _place_of(graph, node, changing)
    if op.role is not role or op.kind not in kinds:
        known = ", ".join(sorted(kinds)[:4])
        raise ArtefactError(f"{op.name} ({op.kind}) has the role {op.role}; what stands there is {role} ({known})")


def _place_of(graph: Graph, node: fx.Node, changing: set[fx.Node]) -> tuple[Role, frozenset[str]]:
    """The role of a node and the ATen names that it may have."""
    if node.op == "get_attr":
        return Role.LINEAR, frozenset({"constant"})
    if node.op == "call_module":
        return _place_of_module(graph.module_of(node))
    if node.target is operator.getitem:
        return Role.LINEAR, frozenset({"getitem"})
    record = record_of(node)
    role, _ = record.role_of(Call(node, changing.__contains__))
    if all(op_of(source).numbers != "real" for source in node.all_input_nodes if source in changing):
        role = Role.INPUT
    if op_of(node).role is Role.PRODUCT and is_product(node):
        role = Role.PRODUCT
    return role, _names_of(family.RESHAPE) if record.family is family.RESHAPE else frozenset({record.name})


def _names_of(*families: Family) -> frozenset[str]:
    return frozenset(record.name for record in table.values() if record.family in families)


def _place_of_module(module: nn.Module) -> tuple[Role, frozenset[str]]:
    name = type(module).__name__
    if isinstance(module, Neuron):
        return Role.ACTIVATION, _names_of(
            *([family.SITE, family.RECTIFIER] if module.is_signed else [family.RECTIFIER, family.TRAINABLE])
        )
    if name in LINEAR:
        return Role.LINEAR, frozenset({"round" if name == "InputGrid" else aten_name(module)})
    return Role.MAX_POOL, _names_of(family.MAX_POOL)


def check_shapes(graph: Graph, dtype: torch.dtype) -> None:
    """Every value has the shape that its node says, whatever the size of the batch, in the type of the network.

    Args:
        graph: the network with its tensors on the ``meta`` device.
        dtype: the type of its numbers.

    Raises:
        ArtefactError: a tensor does not fit its module or a value is not what the node says.
    """
    for batch in BATCHES:
        values: dict[fx.Node, Any] = {}
        for node in list(graph.graph.nodes)[:-1]:
            try:
                values[node] = _value(graph, node, values, batch, dtype)
            except Exception as error:  # torch's shape functions raise errors of any type; each says that it cannot be
                raise ArtefactError(f"{op_of(node).name} cannot be computed: {first_line(error)}") from error
            _check_value(node, values[node], batch, dtype)


def _value(graph: Graph, node: fx.Node, values: Mapping[fx.Node, Any], batch: int, dtype: torch.dtype) -> Any:
    if node.op == "placeholder":
        return torch.empty(batch, *op_of(node).shape, dtype=_format_of(op_of(node), dtype), device="meta")
    module = graph.module_of(node) if node.op == "call_module" else None
    if module is not None and values[node.all_input_nodes[0]].dtype is not dtype:
        raise ValueError("it reads tokens or masks, which are no real numbers")
    if isinstance(module, POINTWISE):
        value = values[node.all_input_nodes[0]]
        check_neuron_tensors(module.state_dict(), value.shape[1:])
        activation = getattr(module, "activation", None)
        return activation(value) if isinstance(activation, TwoSided) else value
    if isinstance(module, Weighted):
        _check_channels(module, values[node.all_input_nodes[0]])
    elif module is not None:
        check_work(getattr(module, "pool", module), op_of(node).shape)
    if isinstance(node.target, torch._ops.OpOverload):
        check_op(node, node.target, values)
    if node.target is operator.getitem and isinstance(values[node.all_input_nodes[0]], Tensor):
        raise ValueError("it takes a sample out of the batch")
    return call(graph, node, values.__getitem__)


def _format_of(op: Op, dtype: torch.dtype) -> torch.dtype:
    """The number format of a value in a network of this type."""
    return dtype if op.numbers == "real" else FORMATS[op.numbers]


def _check_channels(layer: Weighted, value: Any) -> None:
    """A layer reads as many channels as it has weights for, which not every op checks for itself."""
    if isinstance(layer, nn.Linear):
        fits = value.shape[-1] == layer.in_features
    elif isinstance(layer, ChannelAffine):
        fits = value.dim() > 1 and value.shape[1] == layer.channels
    else:
        fits = value.dim() == 2 + len(layer.kernel_size) and value.shape[1] == layer.in_channels
    if not fits:
        raise ValueError(f"its input has the shape {list(value.shape)}")


def _check_value(node: fx.Node, value: Any, batch: int, dtype: torch.dtype) -> None:
    op = op_of(node)
    if node.op == "get_attr":
        if tuple(value.shape) != op.shape:
            raise ArtefactError(
                f"the constant {op.name} has the shape {list(value.shape)}, the file says {list(op.shape)}"
            )
        return
    parts = list(value) if isinstance(value, (list, tuple)) else [value]
    if not parts or not all(isinstance(part, Tensor) and part.dim() and len(part) == batch * op.rows for part in parts):
        raise ArtefactError(f"{op.name} does not keep the samples of a batch apart")
    if op.family not in (family.RESHAPE, family.CONSTANT) and any(
        op_of(source).rows != op.rows for source in node.all_input_nodes if source.op != "get_attr"
    ):
        raise ArtefactError(f"{op.name} changes how many rows a sample has, which a reshape alone does")
    if tuple(parts[0].shape[1:]) != op.shape:
        raise ArtefactError(f"{op.name} has the shape {list(parts[0].shape[1:])}, the file says {list(op.shape)}")
    if any(part.dtype is not _format_of(op, dtype) for part in parts):
        raise ArtefactError(f"{op.name} is of type {parts[0].dtype}, the network of {dtype}")
    if any(part.numel() // batch > LARGEST_VALUE for part in parts):
        raise ArtefactError(f"{op.name} has more numbers than {LARGEST_VALUE}")
    if not isinstance(value, Tensor) and any(user.target is not operator.getitem for user in node.users):
        raise ArtefactError(f"{op.name} gives several values, of which none is taken")
    if op.role is Role.ACTIVATION and op.channel_axis % parts[0].dim() == 0:
        raise ArtefactError(f"{op.name} has its channels on the axis of the batch")
