"""Measures of the house: who imports whom, how long files and functions are, which names are defined twice.

``python tests/house.py`` prints them; `test_house.py` holds the targets.
"""

from __future__ import annotations

import ast
import importlib
import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType

import isospike

SOURCE = Path(isospike.__file__).parent
LONGEST_FUNCTION = 50
LONGEST_FILE = 300
MEDIAN_FILE = (60, 100)
MOST_POSITIONAL = 3

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Place:
    """Where something is defined."""

    file: str
    name: str
    amount: int

    def __str__(self) -> str:
        return f"{self.file}: {self.name} {self.amount}"


@cache
def trees() -> dict[str, ast.Module]:
    """The syntax of every file, by its path in the package."""
    return {str(path.relative_to(SOURCE)): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


def names_of_two_things() -> list[str]:
    """Names that are a module of a package and another thing that it exports: an import gives one of the two."""
    found = []
    for init in sorted(SOURCE.rglob("__init__.py")):
        package = ".".join(("isospike", *init.parent.relative_to(SOURCE).parts))
        exported = vars(importlib.import_module(package))
        inside = [*init.parent.glob("*.py"), *(path.parent for path in init.parent.glob("*/__init__.py"))]
        both = sorted({path.stem for path in inside} & exported.keys())
        found += [f"{package}.{name}" for name in both if not isinstance(exported[name], ModuleType)]
    return [name for name in found if not name.endswith("__")]


def file_lengths() -> dict[str, int]:
    """Lines of every file."""
    return {name: len((SOURCE / name).read_text().splitlines()) for name in trees()}


def functions() -> Iterator[tuple[str, Function, bool]]:
    """File, function and whether a class defines it."""
    for name, tree in trees().items():
        methods = {id(item) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for item in node.body}
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield name, node, id(node) in methods


def long_functions() -> list[Place]:
    """Functions of more lines than `LONGEST_FUNCTION` without their docstring: that is for readers to be long."""
    lengths = [Place(name, node.name, _lines(node)) for name, node, _ in functions()]
    return [place for place in lengths if place.amount > LONGEST_FUNCTION]


def wide_functions() -> list[Place]:
    """Public functions and methods with more than `MOST_POSITIONAL` positional arguments, ``self`` aside.

    Kernels are operators of torch, which pass their tensors by position.
    """
    found = []
    classes = [node for tree in trees().values() for node in tree.body if isinstance(node, ast.ClassDef)]
    private = {id(item) for node in classes if node.name.startswith("_") for item in node.body}
    for name, node, bound in functions():
        static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in node.decorator_list)
        count = len(node.args.posonlyargs) + len(node.args.args) - (bound and not static)
        if (
            not node.name.startswith("_")
            and id(node) not in private
            and count > MOST_POSITIONAL
            and not name.startswith("kernels/")
        ):
            found.append(Place(name, node.name, count))
    return found


def twice_defined() -> dict[str, list[str]]:
    """Public classes and functions of one name in several files."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, tree in trees().items():
        for node in tree.body:
            named = isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_")
            if named and name not in found[node.name]:  # overloads are one function
                found[node.name].append(name)
    return {name: files for name, files in found.items() if len(files) > 1}


def circle() -> list[str]:
    """Files that import each other when they are imported, in a circle; empty: none do."""
    modules = {_module(name): name for name in trees()}
    graph = {
        name: {modules[m] for m in _imports(tree, modules) if modules[m] != name} for name, tree in trees().items()
    }
    for name, others in graph.items():  # a package gathers what is in it
        graph[name] = {other for other in others if not name.startswith(other.removesuffix("__init__.py") or "/")}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _imports(tree: ast.Module, modules: dict[str, str]) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in inner if name in modules)
            if node.module in modules and not all(name in modules for name in inner):
                yield node.module


def _module(name: str) -> str:
    return ".".join(("isospike", *Path(name).with_suffix("").parts)).removesuffix(".__init__")


def _lines(node: Function) -> int:
    text = ast.get_docstring(node)
    return (node.end_lineno or 0) - node.lineno + 1 - (len(text.splitlines()) if text else 0)


def report() -> str:
    """All measures, in words."""
    lengths = file_lengths()
    longest = max(lengths, key=lengths.__getitem__)
    lines = [
        f"files: {len(lengths)}, median {statistics.median(lengths.values()):g} lines, longest {longest} "
        f"({lengths[longest]})",
        *(f"long file: {name} {count}" for name, count in lengths.items() if count > LONGEST_FILE),
        *(f"long function: {place}" for place in long_functions()),
        *(f"positional arguments: {place}" for place in wide_functions()),
        *(f"defined twice: {name} in {', '.join(files)}" for name, files in sorted(twice_defined().items())),
        "import circle: " + (" -> ".join(circle()) or "none"),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
