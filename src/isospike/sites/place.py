"""Signed sites: neurons on every edge that carries a current into an op with weights or into a product."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from torch import fx, nn

from isospike.graphs.graph import Graph, argument, attach, op_of
from isospike.graphs.op import Op
from isospike.graphs.origin import unused_name
from isospike.ops import Role, family
from isospike.ops.signed_site import SignedSite
from isospike.options import check_arguments
from isospike.sites.driven import MOVES, Carrier, carriers, is_product, is_weighted, operands, value_size
from isospike.sites.normalisations import fold_normalisations
from isospike.sites.numerators import split_softmax
from isospike.sites.shares import driven_share, macs_by_name

Sites = Literal["auto", "rectifiers", "products"]
"""Where neurons stand: in the place of rectifiers alone, or in front of every product too."""
POOLS = (family.AVERAGE_POOL, family.REDUCE)
MOST_ANALOGUE = 0.1
"""Part of the multiply-accumulates behind the first layer that ``auto`` leaves to analogue values."""


@dataclass(frozen=True)
class Placement:
    """A network with its sites."""

    graph: Graph
    """The network; its sites are the ops of role activation."""
    sites: str
    """Where neurons stand: ``rectifiers`` or ``products``."""
    driven: dict[str, float]
    """By where they may stand, the part of the multiply-accumulates behind the first layer that spikes drive."""


def choose_sites(graph: Graph, sites: Sites = "auto") -> Placement:
    """The network with sites where they are wanted; ``auto`` has both placements and takes one.

    Args:
        graph: a captured network, folded or not; it is not changed.
        sites: ``rectifiers`` leaves it as it is; ``products`` places signed sites (see `place_sites`); ``auto`` does
            so where rectifiers alone would leave more than a tenth of the multiply-accumulates behind the first layer
            to analogue values, but not in a network that was trained with quantised activations: those are its sites.

    Raises:
        OptionError: another word.
    """
    check_arguments(Sites, sites=sites)
    placed = place_sites(graph)
    macs = macs_by_name(graph)
    driven = {"rectifiers": driven_share(graph, macs), "products": driven_share(placed, macs)}
    is_trained = any(op.family is family.TRAINABLE for op in graph.ops)
    is_driven = driven["rectifiers"] >= 1 - MOST_ANALOGUE
    if sites == "rectifiers" or (sites == "auto" and (is_driven or is_trained)):
        return Placement(graph, "rectifiers", driven)
    return Placement(placed, "products", driven)


def sites_line(sites: str, driven: Mapping[str, float]) -> str:
    """Where neurons stand and what that means, in one line."""
    shares = {name: f"{100 * share:.4g} %" for name, share in driven.items()}
    return (
        f"sites: {sites}; of the multiply-accumulates behind the first layer spikes drive {shares['rectifiers']} from "
        f"rectifiers alone, {shares['products']} with a site in front of every product"
    )


def place_sites(graph: Graph) -> Graph:
    """A view in which spikes drive every op with weights behind the first, and every product of two values.

    A site stands on every edge that carries a current into such an op; edges into sums, norms, softmax and other
    islands carry totals and need none. Readers of one value share its site. It stands where the value is made, in
    front of what only moves it to its readers, unless these read a part of it alone. A value that is never negative
    (a softmax, a gate) is a rectifier's, any other a `SignedSite`'s. What multiplies two values becomes a
    `Role.PRODUCT`. In the ANN nothing changes: ``y = x`` at every site.
    """
    placed = graph.view()
    sums = split_softmax(placed)
    demands = _demands(placed)
    known = {node: op_of(node).channel_axis for node in placed.op_nodes()}
    for node in list(placed.op_nodes()):
        if demands.get(node):
            _insert(placed, node, demands[node], axis=known[node])
    for total in sums:
        total.replace_input_with(argument(total), _sent(argument(total)))
    for node in placed.op_nodes():
        if is_product(node):
            node.meta["op"] = replace(op_of(node), role=Role.PRODUCT, reason="")
    fold_normalisations(placed)
    placed.graph.lint()
    return placed.view()  # without what is not used any more


def _sent(node: fx.Node) -> fx.Node:
    """The site of a value, where it has one."""
    return next((user for user in node.users if op_of(user).role is Role.ACTIVATION), node)


def _demands(graph: Graph) -> dict[fx.Node, list[fx.Node]]:
    """By the node behind which a site stands, those that read spikes in the place of its value."""
    known = carriers(graph)
    wanted: dict[fx.Node, list[fx.Node]] = {}
    for node in graph.op_nodes():
        if is_weighted(node) or is_product(node):
            for source in operands(node, known):
                if known[source] is Carrier.CURRENT:
                    wanted.setdefault(source, []).append(node)
    for node in reversed(list(graph.op_nodes())):
        _gather(node, wanted)
    return wanted


def _gather(node: fx.Node, wanted: dict[fx.Node, list[fx.Node]]) -> None:
    """Move the sites behind what only moves this node's value to the value itself, where they are all of it."""
    moves = [user for user in node.users if wanted.get(user) and _passes_on(user, is_sent=bool(wanted.get(node)))]
    finest = _channels(_made(node))
    moves = [user for user in moves if set(wanted[user]) == set(user.users) and _channels(user) <= finest]
    whole = argument(node) if _gives_several(node) else node
    if not wanted.get(node) and sum(map(_size, moves)) < _size(whole):
        return
    wanted[node] = [*wanted.get(node, ()), *moves]
    for move in moves:
        wanted[move] = []


def _passes_on(node: fx.Node, *, is_sent: bool) -> bool:
    """Whether a node puts the values of one other elsewhere, or pools what is sent as spikes in any case."""
    families = (*MOVES, *POOLS) if is_sent else MOVES
    if node.op == "output" or op_of(node).family not in families:
        return False
    return len([source for source in node.all_input_nodes if source.op != "get_attr"]) == 1


def _made(node: fx.Node) -> fx.Node:
    """Where a value is made that a node may only move."""
    while _passes_on(node, is_sent=False):
        node = argument(node)
    return node


def _channels(node: fx.Node) -> int:
    """How many thresholds a site behind a node may have; one in front of a move is not to have fewer."""
    op = op_of(node)
    return op.shape[op.channel_axis % (1 + len(op.shape)) - 1] if op.shape else 1


def _gives_several(node: fx.Node) -> bool:
    """Whether a node takes a value apart; its parts can have sites, and so can what it takes apart."""
    return any(user.target is operator.getitem for user in node.users)


def _size(node: fx.Node) -> int:
    if _gives_several(node):
        return sum(map(_size, node.users))
    return value_size(node)


def _insert(graph: Graph, source: fx.Node, readers: list[fx.Node], *, axis: int) -> None:
    """A site behind a node, for these of its readers."""
    op, positive = op_of(source), is_never_negative(graph, source)
    module: nn.Module = nn.ReLU() if positive else SignedSite()
    kind = "relu" if positive else "signed_site"
    name = unused_name(graph, f"{op.name}_site")
    attach(graph, name, module)
    with graph.graph.inserting_after(source):
        site = graph.graph.call_module(name, (source,))
    site.meta["op"] = Op(name, kind, Role.ACTIVATION, op.path, op.source, op.shape, axis, "", op.rows)
    for reader in readers:
        reader.replace_input_with(source, site)


def is_never_negative(graph: Graph, node: fx.Node) -> bool:
    """Whether a value cannot be negative, by the ops that make it."""
    if node.op not in ("call_module", "call_function"):
        return False
    op = op_of(node)
    record = op.record
    if record is None or op.role is Role.ACTIVATION:
        return op.role is Role.ACTIVATION and not getattr(graph.module_of(node), "is_signed", False)
    if record.never_negative:
        return True
    passing = (*MOVES, family.AVERAGE_POOL, family.MAX_POOL, family.REDUCE, family.JOIN)
    sources = node.all_input_nodes
    return record.family in passing and all(is_never_negative(graph, source) for source in sources)
