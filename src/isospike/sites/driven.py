"""What carries a value of the network: spikes, the input itself, or an analogue current."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from itertools import chain

from torch import fx

from isospike.graphs.graph import Graph, op_of
from isospike.ops import Role, family


class Carrier(enum.Enum):
    """What a value comes as."""

    INPUT = "input"
    """The input, in front of the first op with weights: nothing can spike there yet."""
    SPIKES = "spikes"
    """Spikes, or what pools and moves make of them."""
    CURRENT = "current"
    """Anything else: an analogue number at every step."""


WEIGHTED = frozenset({family.CONVOLUTION, family.DENSE, family.PRODUCT})
"""Families of ops that multiply what they read by trained weights, many at a time."""
MOVES = frozenset({family.MOVE, family.RESHAPE})
"""Families of ops whose values are those of one operand, elsewhere."""


def carriers(graph: Graph) -> dict[fx.Node, Carrier]:
    """What every node's value comes as; constants are left out.

    Spikes stay spikes through ops that only move, pool, join or scale them. A sum of two values is a current: it is
    what a membrane holds.
    """
    found: dict[fx.Node, Carrier] = {}
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            found[node] = Carrier.INPUT
        elif node.op in ("call_module", "call_function"):
            found[node] = _carrier(node, found)
    return found


def _carrier(node: fx.Node, known: Mapping[fx.Node, Carrier]) -> Carrier:
    op, read = op_of(node), {known[source] for source in operands(node, known)}
    if op.role is Role.ACTIVATION:
        return Carrier.SPIKES
    if read <= {Carrier.INPUT}:
        is_first = op.family in WEIGHTED or op.family is family.AFFINE
        return Carrier.CURRENT if is_first else Carrier.INPUT
    if op.role in (Role.ANALOGUE, Role.PRODUCT) or op.family in WEIGHTED | {family.AFFINE}:
        return Carrier.CURRENT
    if op.family is family.ADD and len(operands(node, known)) > 1:
        return Carrier.CURRENT
    return Carrier.CURRENT if Carrier.CURRENT in read else Carrier.SPIKES


def operands(node: fx.Node, known: Mapping[fx.Node, object]) -> list[fx.Node]:
    """What a node reads that is no constant; each once."""
    return [source for source in node.all_input_nodes if source in known]


def value_size(node: fx.Node) -> int:
    """Numbers in the value of one sample."""
    op = op_of(node)
    return op.rows * math.prod(op.shape)


def is_weighted(node: fx.Node) -> bool:
    """Whether an op multiplies one value by trained weights."""
    op = op_of(node)
    return op.role is Role.LINEAR and op.family in WEIGHTED


def is_product(node: fx.Node) -> bool:
    """Whether an op multiplies two different values that depend on the input, or accumulates such a product.

    What is computed from tokens and masks alone is the same at every step: it is a factor, not a value.
    """
    op = op_of(node)
    record = op.record
    multiplies = op.role in (Role.ANALOGUE, Role.PRODUCT) and op.family in (family.SCALE, family.PRODUCT)
    return multiplies and record is not None and not record.divides and len(_values(node)) == 2


def _values(node: fx.Node) -> set[fx.Node]:
    leaves = chain(node.args, node.kwargs.values())
    return {leaf for leaf in leaves if isinstance(leaf, fx.Node) and leaf.op != "get_attr" and not _is_still(leaf)}


def _is_still(node: fx.Node) -> bool:
    op = op_of(node)
    return op.role is Role.INPUT and (node.op != "placeholder" or op.numbers != "real")
