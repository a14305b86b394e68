"""Smooth functions as tables from code to code: a site in front of each that has one behind it. An approximation."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from torch import fx

from isospike.errors import ConversionError
from isospike.graphs.graph import Graph, argument, attach, op_of
from isospike.graphs.op import Op
from isospike.graphs.origin import unused_name
from isospike.messages import counted
from isospike.ops import Role, table
from isospike.ops.two_sided import Bounded
from isospike.options import OneOf, check_arguments
from isospike.registry import Registry

CUTS: Registry[float] = Registry("function that vanishes far below zero")
"""By ATen name: below which currents count as this one, so that the codes are spent where the function is not flat.
There it is -1.3e-4 (GELU), -2.7e-3 (SiLU, mish) and 0 (hard-swish). Cuts at the smallest current that comes waste
codes."""
for _record in table.values():
    if _record.cut is not None:
        CUTS.register(_record.name, _record.cut)
Tables = tuple[Annotated[str, OneOf(CUTS)], ...]
"""Functions that are to be tables; none by default."""


@dataclass(frozen=True)
class CodeTables:
    """A network some of whose functions are tables."""

    graph: Graph
    """The network with the sites in front of them."""
    sites: dict[str, tuple[str, ...]]
    """By function, the sites that are in front of it for its table's sake."""


def place_tables(graph: Graph, tables: Sequence[str]) -> CodeTables:
    """A view with a site in front of every function of these kinds behind which a site stands.

    The site in front sends ``max(z, cut)`` as a code, see `CUTS`; the function, still an island, then is one of the
    code, which a table of one entry for each computes without rounding. Where a site stands in front already nothing
    changes.

    Args:
        graph: the network with all its sites; it is not changed.
        tables: ATen names.

    Raises:
        OptionError, UnknownNameError: no list of names, or another function.
        ConversionError: the network has none of a kind with a site behind it.
    """
    check_arguments(Tables, tables=tables)
    for name in tables:
        CUTS[name]
    missing = sorted(set(tables) - {op_of(node).kind for node in _places(graph, tuple(CUTS))})
    if missing:
        found = ", ".join(dict.fromkeys(op_of(node).kind for node in _places(graph, tuple(CUTS)))) or "none"
        raise ConversionError(
            f"tables={missing}: no such function has a site behind it, which sites='products' would place; functions "
            f"that have one: {found}"
        )
    if not tables:
        return CodeTables(graph, {})
    view = graph.view()
    made: dict[str, tuple[str, ...]] = dict.fromkeys(tables, ())
    for node in list(_places(view, tables)):
        if not _is_site(argument(node)):
            kind = op_of(node).kind
            made[kind] = (*made[kind], _insert(view, node))
    view.graph.lint()
    return CodeTables(view.view(), made)


def tabled_like(graph: Graph, sites: Container[str]) -> Graph:
    """A view with the sites in front of functions that another network of the same model has.

    Args:
        graph: the network with all other sites.
        sites: of the other.
    """
    kinds = [op_of(node).kind for node in _places(graph, tuple(CUTS)) if _site_name(op_of(node)) in sites]
    return place_tables(graph, tuple(dict.fromkeys(kinds))).graph


def without_tables(graph: Graph) -> Graph:
    """A view whose functions read what the sites in front of them read, for their table's sake: the exact network.

    The sites still compute, for nothing: what they would send of the exact currents can be asked for.
    """
    view = graph.view()
    for node in view.op_nodes():
        op = op_of(node)
        source = argument(node) if op.kind in CUTS else None
        if source is not None and _is_site(source) and op_of(source).name == _site_name(op):
            node.replace_input_with(source, argument(source))
    return view


def tables_line(tables: Mapping[str, Sequence[str] | Mapping[str, int]]) -> str:
    """What is approximate, in one line; empty where nothing is.

    Args:
        tables: by function its sites, or the number of entries by site where it is known.
    """
    parts = [
        f"{kind} as a table {_size(sites)} at {counted(len(sites), 'site')} (currents below {CUTS[kind]:g} count as "
        f"{CUTS[kind]:g})"
        for kind, sites in tables.items()
        if sites
    ]
    return f"approximate: {', '.join(parts)}" if parts else ""


def _size(sites: Sequence[str] | Mapping[str, int]) -> str:
    return f"of at most {max(sites.values())} entries" if isinstance(sites, Mapping) else "from code to code"


def _places(graph: Graph, kinds: Container[str]) -> Iterator[fx.Node]:
    """Functions of these kinds, whose values a site reads."""
    for node in graph.op_nodes():
        op = op_of(node)
        if op.role is Role.ANALOGUE and op.kind in kinds and any(map(_is_site, node.users)):
            yield node


def _is_site(node: fx.Node) -> bool:
    return node.op == "call_module" and op_of(node).role is Role.ACTIVATION


def _insert(graph: Graph, function: fx.Node) -> str:
    """A site in front of a function; its name."""
    source = argument(function)
    op, own = op_of(source), op_of(function)
    name = unused_name(graph, _site_name(own))
    attach(graph, name, Bounded(CUTS[own.kind], None))
    with graph.graph.inserting_before(function):
        site = graph.graph.call_module(name, (source,))
    site.meta["op"] = Op(name, "clamp", Role.ACTIVATION, own.path, own.source, own.shape, op.channel_axis, "", own.rows)
    function.replace_input_with(source, site)
    return name


def _site_name(function: Op) -> str:
    return f"{function.name}_table"
