"""Graph nodes as plain data and back; only ops of the closed table can be named."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import fx

from isospike.capture.graph import Op, op_of
from isospike.capture.roles import ALIASES, KNOWN, Role
from isospike.errors import ArtefactError

Json = dict[str, Any]


def describe_node(node: fx.Node) -> Json:
    """One node with its arguments."""
    return {
        "name": node.name,
        "op": node.op,
        "target": _describe_target(node),
        "args": _describe(node.args),
        "kwargs": _describe(dict(node.kwargs)),
        "info": None if node.op == "output" else {**asdict(op_of(node)), "role": op_of(node).role.value},
    }


def build_node(graph: fx.Graph, description: Mapping[str, Any], known: dict[str, fx.Node]) -> None:
    """Append the described node to ``graph`` and to ``known``.

    Raises:
        ArtefactError: an op outside the table.
    """
    op = description["op"]
    if op not in ("placeholder", "get_attr", "call_module", "call_function", "output"):
        raise ArtefactError(f"the file holds a node of unknown kind '{op}'")
    target: Any = description["target"]
    if op == "call_function":
        target = _build_target(str(target))
    args, kwargs = _build(description["args"], known), _build(description["kwargs"], known)
    node = graph.create_node(op, target, args, kwargs, name=str(description["name"]))
    if op != "output":
        info = dict(description["info"])
        node.meta["op"] = Op(**{**info, "role": Role(info["role"]), "shape": tuple(info["shape"])})
    known[str(description["name"])] = node


def _describe_target(node: fx.Node) -> str:
    if node.target is operator.getitem:
        return "getitem"
    return str(node.target)


def _build_target(name: str) -> Callable[..., Any]:
    if name == "getitem":
        return operator.getitem
    namespace, _, rest = name.partition(".")
    op, _, overload = rest.partition(".")
    if namespace != "aten" or ALIASES.get(op, op) not in KNOWN:
        raise ArtefactError(f"the file calls '{name}', which is not in the table of ops")
    target: Callable[..., Any] | None = getattr(getattr(torch.ops.aten, op, None), overload, None)
    if target is None:
        raise ArtefactError(f"the file calls '{name}', which this version of torch ({torch.__version__}) lacks")
    return target


def _describe(value: Any) -> Any:
    if isinstance(value, fx.Node):
        return {"node": value.name}
    if isinstance(value, tuple):
        return {"tuple": [_describe(item) for item in value]}
    if isinstance(value, list):
        return [_describe(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[key, _describe(item)] for key, item in value.items()]}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ArtefactError(f"an argument of type {type(value).__name__} cannot be stored in a .snn file")


def _build(value: Any, known: dict[str, fx.Node]) -> Any:
    if isinstance(value, list):
        return [_build(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "node":
        return known[content]
    if kind == "tuple":
        return tuple(_build(item, known) for item in content)
    if kind == "dict":
        return {key: _build(item, known) for key, item in content}
    if kind == "float":
        return float(content)
    if kind == "dtype" and isinstance(getattr(torch, content, None), torch.dtype):
        return getattr(torch, content)
    raise ArtefactError(f"the file holds an argument of unknown kind '{kind}'")
