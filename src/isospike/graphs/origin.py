"""Where a node or an error of the export comes from in the user's model: module path, name, source line."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

import torch
from torch import fx

from isospike import activations, inputs
from isospike.graphs.graph import Graph

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_PYTHON, _TORCH, _CAPTURE, _ACTIVATIONS = (
    f"{Path(file).parent}{os.sep}" for file in (os.__file__, torch.__file__, __file__, activations.__file__)
)
_FOREIGN = (_TORCH, f"torch{os.sep}", _CAPTURE, _ACTIVATIONS, inputs.__file__, "<")
"""Beginnings of files that are not the user's; passes of the exporter name themselves by a relative path."""
_PLAIN = ("torch.nn.modules.", "isospike.activations.module.TrainableActivation")
"""Layers that are one op, which takes their name."""


def module_path(node: fx.Node) -> tuple[str, bool]:
    """Path of the innermost user module, and whether that module is one of ``torch.nn``'s own or of isospike's."""
    stack = [entry for entry in node.meta.get("nn_module_stack", {}).values() if isinstance(entry, tuple)]
    stack = [(path, kind) for path, kind in stack if not path.startswith("_empty")]
    if not stack:
        return "", False
    path, kind = stack[-1]
    name = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    return re.sub(r"@\d+", "", path), name.startswith(_PLAIN)


def source_of(node: fx.Node) -> str:
    """``file.py:line`` of the innermost frame of the user, else the module path, else what its first user has."""
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    own = [f"{Path(file).name}:{line}" for file, line in frames if _is_users(file)]
    return own[-1] if own else module_path(node)[0] or next(map(source_of, node.users), "")


def error_line(error: BaseException) -> str:
    """``file.py:line`` of the user's innermost frame in the traceback of an error, or an empty string."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames if _is_users(frame.filename)]
    return own[-1] if own else ""


def error_text(error: BaseException) -> str:
    """The user's innermost line in the traceback of an error, as it is written, or an empty string."""
    own = [frame.line or "" for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    return own[-1].strip() if own else ""


def _is_users(file: str) -> bool:
    library = file.startswith(_PYTHON) and "site-packages" not in file
    return not library and not file.startswith(_FOREIGN)


class Names:
    """Hands out one unique dotted name per call site; no name is inside another, nor a name of `Graph` itself.

    Names are made of letters, digits and ``_`` between dots; what else a user's name holds becomes ``_``.
    """

    def __init__(self) -> None:
        self._taken: set[str] = {"graph", *dir(Graph)}
        self._inner: set[str] = set()

    def claim(self, wanted: str) -> str:
        """``wanted``, or ``wanted#2``, ``wanted#3`` ... when it is taken.

        Inside another name the mark goes behind that one: ``a.b#2.c`` when ``a.b`` is a call site.
        """
        wanted = re.sub(r"[^\w.#]", "_", wanted)
        blocking = next((prefix for prefix in _prefixes(wanted) if prefix in self._taken), wanted)
        rest, name, count = wanted.removeprefix(blocking), wanted, 1
        while not self._free(name):
            count += 1
            name = f"{blocking}#{count}{rest}"
        self._taken.add(name)
        self._inner.update(_prefixes(name))
        return name

    def _free(self, name: str) -> bool:
        return name not in self._taken and name not in self._inner and not self._taken.intersection(_prefixes(name))


def unused_name(graph: Graph, wanted: str) -> str:
    """A name for one more call site of a captured graph; see `Names.claim`."""
    names = Names()
    for node in graph.graph.nodes:
        if node.op in ("get_attr", "call_module", "call_function"):
            names.claim(node.meta["op"].name)
    return names.claim(wanted)


def _prefixes(name: str) -> list[str]:
    """``a.b.c`` -> ``a``, ``a.b``."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
