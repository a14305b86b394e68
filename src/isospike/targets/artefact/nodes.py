"""Graph nodes as plain data and back; only ops of the closed table can be named."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import fx

from isospike.errors import ArtefactError
from isospike.graphs.graph import op_of
from isospike.graphs.op import Op
from isospike.ops import family, table
from isospike.targets.artefact import arguments
from isospike.targets.artefact.format import NodeFields, OpFields, Target, checked


def describe_node(node: fx.Node) -> dict[str, Any]:
    """One node with its arguments."""
    return {
        "name": node.name,
        "op": node.op,
        "target": "getitem" if node.target is operator.getitem else str(node.target),
        "args": arguments.describe(node.args),
        "kwargs": arguments.describe(dict(node.kwargs)),
        "info": None if node.op == "output" else _info(op_of(node)),
    }


def _info(op: Op) -> dict[str, Any]:
    """The fields of an op; those of rows and tokens where it has some."""
    usual = {"rows": 1, "numbers": "real"}
    fields = {**asdict(op), "role": op.role.value}
    return {name: value for name, value in fields.items() if usual.get(name) != value}


def build_node(graph: fx.Graph, fields: NodeFields, known: dict[str, fx.Node]) -> None:
    """Append the described node to ``graph`` and to ``known``.

    Raises:
        ArtefactError: its name is taken, its target is no name or not in the table of ops, or its arguments do not fit.
    """
    if fields.name in known:
        raise ArtefactError(f"two nodes have the name '{fields.name}'")
    args, kwargs = arguments.build(fields.args, known), arguments.build(fields.kwargs, known)
    if not isinstance(args, tuple) or not isinstance(kwargs, dict):
        raise ArtefactError(f"the arguments of node '{fields.name}' are no tuple and dictionary")
    target: Any = _target(fields)
    if isinstance(target, torch._ops.OpOverload):
        arguments.check_call(target, args, kwargs)
    else:
        _check_shape_of_call(fields, args, kwargs)
    node = graph.create_node(fields.op, target, args, kwargs, name=fields.name)
    if node.name != fields.name:
        raise ArtefactError(f"a node cannot have the name '{fields.name}'")
    if (fields.info is None) != (fields.op == "output"):
        raise ArtefactError(f"node '{fields.name}' has no description, or is an output with one")
    if fields.info is not None:
        node.meta["op"] = _op(fields.info)
    known[fields.name] = node


def _op(info: OpFields) -> Op:
    own = {name: getattr(info, name) for name in info.__struct_fields__}
    return Op(**{**own, "shape": tuple(info.shape)})


def _target(fields: NodeFields) -> Callable[..., Any] | str:
    if fields.op in ("call_module", "get_attr"):
        return checked(fields.target, Target)
    return _function(fields.target) if fields.op == "call_function" else fields.name


def _function(name: str) -> Callable[..., Any]:
    """The op of a name; its overload is one that torch lists and that changes none of its arguments."""
    if name == "getitem":
        return operator.getitem
    namespace, _, rest = name.partition(".")
    op, _, overload = rest.partition(".")
    record = table.aten(op)
    if namespace != "aten" or record is None or not record.family.is_called:
        raise ArtefactError(f"the file calls '{name:.80}', which is not in the table of ops")
    packet = getattr(torch.ops.aten, op, None)
    if not isinstance(packet, torch._ops.OpOverloadPacket) or overload not in packet.overloads():
        raise ArtefactError(f"the file calls '{name:.80}', which this version of torch ({torch.__version__}) lacks")
    target = getattr(packet, overload)
    if record.family is family.RESHAPE and target is not torch.ops.aten.reshape.default:
        raise ArtefactError(f"the file calls '{name:.80}'; captured networks reshape by aten.reshape.default alone")
    if target._schema.is_mutable:
        raise ArtefactError(f"the file calls '{name:.80}', which changes its arguments")
    function: Callable[..., Any] = target
    return function


def _check_shape_of_call(fields: NodeFields, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Arguments of what has no schema: none of an input or a constant, one node of a module, a node and a place."""
    kinds = [type(argument) for argument in args]
    wanted: dict[str, list[list[type]]] = {
        "placeholder": [[]],
        "get_attr": [[]],
        "call_module": [[fx.Node]],
        "call_function": [[fx.Node, int]],
    }
    if kwargs or (fields.op == "output" and len(args) != 1) or kinds not in wanted.get(fields.op, [kinds]):
        raise ArtefactError(f"node '{fields.name}' ({fields.op}) has arguments that it cannot take")
