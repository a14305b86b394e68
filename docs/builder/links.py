"""Names in docstrings become links, by whichever name a docstring calls them."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import isospike
from builder.found import documented, modules


def resolve(app: Any, env: Any, node: Any, content: Any) -> Any:
    """The link of a name that is documented under another one; code where a name of ours is not public.

    A name that is nowhere in the package stays without an answer, and so fails the build.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    found = _documented_name(target) or _documented_name(f"{node.get('py:module')}.{target}") or _by_its_end(target)
    if found is not None:
        link = env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, "obj", found, node, content)
        if link is not None:
            return link
    return content if _is_inner(target) else None


def _documented_name(name: str) -> str | None:
    """The documented name of an object that is called by its full name, or of its member."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = _modules().get(".".join(parts[:length]))
        if module is not None:
            return _below(module, parts[length:])
    return None


def _below(value: Any, parts: list[str]) -> str | None:
    """The documented name of what is reached from a module by attributes."""
    for index, part in enumerate(parts):
        value = getattr(value, part, None)
        if id(value) in documented():
            return ".".join([documented()[id(value)], *parts[index + 1 :]])
    return None


def _by_its_end(target: str) -> str | None:
    """The only documented name that ends so, as in ``Run`` or ``Run.spikes``."""
    first, *rest = target.split(".")
    found = [name for name in documented().values() if name.rpartition(".")[2] == first]
    return ".".join([found[0], *rest]) if len(found) == 1 else None


def _is_inner(target: str) -> bool:
    """Whether something of the package that is not public is called so."""
    if _modules().get(target) is not None:
        return True
    first = target.rpartition(".")[2] if target.startswith("isospike.") else target.split(".")[0]
    return any(hasattr(module, first) for module in modules())


@cache
def _modules() -> dict[str, ModuleType]:
    """All modules by name."""
    return {"isospike": isospike, **{module.__name__: module for module in modules()}}
