"""A page for every registry but that of the methods: neurons, scale rules, exits, energy models and so on."""

from __future__ import annotations

import dataclasses
import inspect
import re
from enum import StrEnum
from functools import partial
from typing import Any

from builder.found import documented, registries
from builder.markdown import autodoc, block, code, contents, page, prose, table
from isospike.registry import Registry


def pages() -> dict[str, str]:
    """The list of all parts, and a page for each kind."""
    others = [registry for registry in registries() if registry.kind != "method"]
    rows = [(f"[{plural(one.kind)}]({file_of(one.kind)}.md)", ", ".join(map(code, one))) for one in others]
    intro = (
        "A method, a command and a model of energy name their parts; each of these lists is open: "
        "[write a method](../../tutorials/write-a-method.md) shows how one is added."
    )
    names = [file_of(one.kind) for one in others]
    return {
        "parts/index.md": page("Every part", intro, table(("kind", "names"), rows), contents(names)),
        **{f"parts/{file_of(one.kind)}.md": _page(one) for one in others},
    }


def plural(kind: str) -> str:
    """Several of a kind of entries."""
    noun, of, owner = kind.partition(" of ")
    return f"{noun}s{of}{owner}"


def file_of(kind: str) -> str:
    """Name of the page of a kind."""
    return plural(kind).replace(" ", "-")


def _page(registry: Registry[Any]) -> str:
    return page(plural(registry.kind).capitalize(), *(_entry(name, entry) for name, entry in registry.items()))


def _entry(name: str, entry: Any) -> str:
    parts = [f"## {name}", *_described(entry)]
    papers = getattr(entry, "papers", ())
    if isinstance(getattr(entry, "kind", None), StrEnum):
        parts.append(f"For {entry.kind} networks.")
    if inspect.isclass(entry) and isinstance(papers, tuple) and papers:
        parts.append(f"Papers: {', '.join(map(code, papers))}.")
    return "\n\n".join(parts)


def _described(entry: Any) -> list[str]:
    """A class or a function by its docstring, data by their values."""
    if inspect.isclass(entry) and id(entry) in documented():
        name = documented()[id(entry)]
        return [autodoc("class", name, no_index=""), block(f":py:class:`{name}` has its fields.", "{eval-rst}")]
    if dataclasses.is_dataclass(entry) and not inspect.isclass(entry):
        values = [(code(field.name), getattr(entry, field.name)) for field in dataclasses.fields(entry)]
        return [table(("field", "value"), [(name, _value(value)) for name, value in values if value not in (None, ())])]
    return [_first_part(entry if inspect.isroutine(entry) or inspect.isclass(entry) else type(entry))]


def _value(value: object) -> str:
    """Data as they are, a function by its docstring."""
    if isinstance(value, partial):
        return ", ".join([_first_part(value.func), *map(_first_part, value.keywords.values())])
    if callable(value):
        return _first_part(value)
    return ", ".join(map(code, value)) if isinstance(value, tuple) else str(value)


def _first_part(entry: object) -> str:
    """What a docstring says before it comes to arguments and errors."""
    return prose(re.split(r"\n\n(?:Args|Raises|Returns):", inspect.getdoc(entry) or "")[0])
