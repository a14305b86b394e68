"""What there is to document, found in the package itself."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any

import isospike
from isospike.registry import Registry
from isospike.results import Result, Stored
from isospike.tables import Tabular


@cache
def modules() -> tuple[ModuleType, ...]:
    """All modules of isospike, imported."""
    names = [info.name for info in pkgutil.walk_packages(isospike.__path__, "isospike.")]
    return tuple(importlib.import_module(name) for name in names if not name.endswith("__main__"))


@cache
def registries() -> tuple[Registry[Any], ...]:
    """Every registry of a public module, once, in order of its kind."""
    values = [value for _, module in _public_modules() for value in vars(module).values()]
    found = {id(value): value for value in values if isinstance(value, Registry)}
    return tuple(sorted(found.values(), key=lambda registry: registry.kind))


def registry_of(kind: str) -> Registry[Any]:
    """The registry of a kind of entries."""
    (found,) = [registry for registry in registries() if registry.kind == kind]
    return found


@cache
def results() -> tuple[type, ...]:
    """Every result of isospike: what prints as a table, and what has a JSON object."""
    modules()
    ours = {kind for base in (Tabular, Result) for kind in _below(base) if kind.__module__.startswith("isospike.")}
    return tuple(sorted(ours - {Stored}, key=lambda kind: kind.__name__))


def _below(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


@cache
def public() -> dict[str, dict[str, object]]:
    """The public names of isospike and of its public modules, by the name under which a user reaches the module.

    A name that several modules offer stands in the first of them.
    """
    found: dict[str, dict[str, object]] = {}
    seen: set[int] = set()
    for name, module in _public_modules():
        own = {key: value for key, value in _names(module) if not inspect.ismodule(value) and id(value) not in seen}
        seen |= {id(value) for value in own.values()}
        if own:
            found[name] = own
    return found


def _public_modules() -> Iterator[tuple[str, ModuleType]]:
    """isospike, the modules that it offers, then those that say themselves what is public."""
    yield "isospike", isospike
    offered = {name: value for name, value in _names(isospike) if inspect.ismodule(value)}
    yield from ((f"isospike.{name}", module) for name, module in offered.items())
    for info in pkgutil.iter_modules(isospike.__path__):
        module = importlib.import_module(f"isospike.{info.name}") if info.name != "__main__" else isospike
        says = hasattr(module, "__all__") or hasattr(module, "__path__")
        if not info.name.startswith("_") and info.name not in offered and says:
            yield f"isospike.{info.name}", module


def _names(module: ModuleType) -> list[tuple[str, object]]:
    """What a module says is public; else what a package gathers, or what a module defines."""
    if hasattr(module, "__all__"):
        return [(name, getattr(module, name)) for name in module.__all__]
    named = [(name, value) for name, value in vars(module).items() if not name.startswith("_")]
    if hasattr(module, "__path__"):
        return [(name, value) for name, value in named if not inspect.ismodule(value)]
    return [(name, value) for name, value in named if getattr(value, "__module__", "") == module.__name__]


def comment(name: str, value: object) -> str:
    """The text below the line that defines a value of this name."""
    for module in modules():
        if vars(module).get(name) is value:
            body = ast.parse(inspect.getsource(module)).body
            for line, text in pairwise(body):
                if _names_one(line, name) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                    return " ".join(str(text.value.value).split())
    return ""


def _names_one(line: ast.stmt, name: str) -> bool:
    targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


@cache
def documented() -> dict[int, str]:
    """The name under which an object is documented, by its identity."""
    return {
        id(value): f"{module}.{name}"
        for module, names in public().items()
        for name, value in names.items()
        if inspect.isclass(value) or inspect.isroutine(value)
    }
