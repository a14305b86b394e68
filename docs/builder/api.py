"""The reference of all public names, one page for each public module."""

from __future__ import annotations

import inspect

from builder.found import comment, public, registry_of
from builder.markdown import autodoc, code, contents, page, prose, table

OUTSIDE = "Module,BaseException,Struct,Enum,int"
"""Ancestors whose members are not ours."""


def pages() -> dict[str, str]:
    """The list of the modules, and each of them."""
    rows = [(f"[`{module}`]({module}.md)", ", ".join(map(code, names))) for module, names in public().items()]
    index = page(
        "API reference",
        "All public names, under the name that a program uses. What is not here may change at any time.",
        table(("module", "names"), rows),
        contents(public()),
    )
    return {"api/index.md": index, **{f"api/{module}.md": _page(module, names) for module, names in public().items()}}


def _page(module: str, names: dict[str, object]) -> str:
    functions = [name for name, value in names.items() if inspect.isroutine(value)]
    classes = [name for name, value in names.items() if inspect.isclass(value)]
    data = [name for name in names if name not in functions and name not in classes]
    return page(
        module,
        *_section("Functions", [_entry(name, autodoc("function", f"{module}.{name}")) for name in functions]),
        *_classes(module, names, classes),
        *_section("Data", [_data({name: names[name] for name in data})]),
    )


def _section(title: str, entries: list[str]) -> list[str]:
    return [f"## {title}", *entries] if any(entries) else []


def _entry(name: str, text: str) -> str:
    """One name with a heading of its own, for the contents of the page."""
    return f"### {name}\n\n{text}"


def _data(values: dict[str, object]) -> str:
    """Constants, registries and aliases of types."""
    rows = [(code(name), prose(comment(name, value)) or code(type(value).__name__)) for name, value in values.items()]
    return table(("name", "what it is"), rows)


def _classes(module: str, names: dict[str, object], classes: list[str]) -> list[str]:
    """Classes with their members; conversion methods have a page each."""
    paged = {id(kind): name for name, kind in registry_of("method").items()}
    rows = [(f"[`{name}`](../methods/{paged[id(names[name])]}.md)",) for name in classes if id(names[name]) in paged]
    entries = [
        _entry(name, autodoc("class", f"{module}.{name}", members="", inherited_members=OUTSIDE))
        for name in classes
        if id(names[name]) not in paged
    ]
    methods = _section("Conversion methods", [table(("a page for each",), rows)])
    return [*methods, *_section("Classes", entries)]
