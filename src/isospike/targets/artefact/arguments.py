"""Arguments of a node as plain data and back, and whether they are what an op's schema asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from isospike.errors import ArtefactError

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in FLOATS}
"""Number formats that an argument may name."""
MOST_ITEMS = 1000
"""Of a list among the arguments."""
_WHOLE = range(-(2**63), 2**63)


def describe(value: Any) -> Any:
    """Arguments as JSON has them; what JSON lacks is an object with its kind as the only key."""
    if isinstance(value, fx.Node):
        return {"node": value.name}
    if isinstance(value, tuple):
        return {"tuple": [describe(item) for item in value]}
    if isinstance(value, list):
        return [describe(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[key, describe(item)] for key, item in value.items()]}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ArtefactError(f"an argument of type {type(value).__name__} cannot be stored in a .snn file")


def build(value: Any, known: Mapping[str, fx.Node]) -> Any:
    """The inverse of `describe`.

    Raises:
        ArtefactError: an object of unknown kind, a node that does not come before, or too long a list.
    """
    if isinstance(value, list):
        return [build(item, known) for item in _few(value)]
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise ArtefactError(f"an argument is an object of {len(value)} keys; it has one, its kind")
    ((kind, content),) = value.items()
    if kind == "node" and isinstance(content, str):
        if content not in known:
            raise ArtefactError(f"an argument is the node '{content:.80}', which does not come before")
        return known[content]
    if kind == "tuple" and isinstance(content, list):
        return tuple(build(item, known) for item in _few(content))
    if kind == "dict" and isinstance(content, list):
        return _build_dict(content, known)
    if kind == "float" and content in ("inf", "-inf"):
        return float(content)
    if kind == "dtype" and isinstance(content, str) and content in DTYPES:
        return DTYPES[content]
    raise ArtefactError(f"an argument is of unknown kind '{kind:.80}'")


def _build_dict(pairs: list[Any], known: Mapping[str, fx.Node]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for pair in _few(pairs):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str) or pair[0] in built:
            raise ArtefactError("a dictionary among the arguments is not a list of pairs, each with a key of its own")
        built[pair[0]] = build(pair[1], known)
    return built


def _few(items: list[Any]) -> list[Any]:
    if len(items) > MOST_ITEMS:
        raise ArtefactError(f"a list among the arguments has {len(items)} items; {MOST_ITEMS} are the most")
    return items


def check_call(target: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by the names of its schema, each of the schema's type.

    Raises:
        ArtefactError: too many, too few, unknown, or of another type.
    """
    declared = {argument.name: argument for argument in target._schema.arguments}
    positional = [name for name, argument in declared.items() if not argument.kwarg_only]
    if len(args) > len(positional):
        raise ArtefactError(f"{target} takes {len(positional)} arguments, the file gives {len(args)}")
    given = dict(zip(positional, args, strict=False))
    wrong = [name for name in kwargs if name not in declared or name in given]
    given |= kwargs
    missing = [name for name, argument in declared.items() if not (argument.has_default_value() or name in given)]
    if wrong or missing:
        raise ArtefactError(f"{target}: arguments unknown or twice {wrong}, missing {missing}")
    for name, value in given.items():
        kind = declared[name].real_type  # which tells number formats and layouts from whole numbers
        if not _fits(value, kind):
            raise ArtefactError(f"{target}: {name} must be {kind}, the file gives {value!r:.60}")
    return given


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a type of torch's schemas."""
    name = kind.kind()
    if name == "OptionalType":
        return value is None or _fits(value, kind.getElementType())
    if name == "ListType":
        return isinstance(value, (list, tuple)) and all(_fits(item, kind.getElementType()) for item in value)
    if name == "TensorType":  # torch takes a number for a tensor without axes
        return isinstance(value, (fx.Node, float)) or (_is_int(value) and value in _WHOLE)
    if name == "ScalarTypeType":
        return isinstance(value, torch.dtype)
    if name in ("IntType", "SymIntType"):
        return _is_int(value) and value in _WHOLE
    if name == "FloatType":
        return isinstance(value, float) or (_is_int(value) and value in _WHOLE)
    if name == "NumberType":
        return isinstance(value, float) or (_is_int(value) and value in _WHOLE)
    if name == "BoolType":
        return isinstance(value, bool)
    return name == "StringType" and isinstance(value, str)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
