"""What stands against a conversion, in one line: ops by cause, with their number and the first of them."""

from __future__ import annotations

from collections.abc import Sequence

from isospike.graphs.graph import Graph
from isospike.graphs.op import Op
from isospike.messages import counted
from isospike.ops import Role, family

SHOWN = 3
"""Ops of one cause that are named."""
CAUSES = 6
"""Causes that are told apart; a network has hundreds of ops, but they are refused for few reasons."""


def refusals(graph: Graph, *, allowed: Sequence[Op]) -> list[str]:
    """What stands against a conversion, and what to do about each part; empty where nothing does.

    Args:
        graph: the captured network.
        allowed: ops that may stay analogue.
    """
    unsupported = graph.unsupported
    refused = [op for op in graph.ops if op.role is Role.ANALOGUE and op not in allowed]
    parts = []
    if unsupported:
        parts.append(f"{counted(len(unsupported), 'unsupported op')}: {listed(unsupported)}; change the model")
    if refused:
        advice = _advice(graph, helps=not unsupported and bool(graph.sites))
        parts.append(f"{counted(len(refused), 'analogue op')}: {listed(refused)}; {advice}")
    if not graph.sites:
        parts.append(
            "no activation that a neuron can stand for (ReLU, a clipped or quantised ReLU), so nothing would spike"
            + _instead(graph)
        )
    return parts


def _advice(graph: Graph, *, helps: bool) -> str:
    """Allowing islands is advice only where it is enough."""
    if helps:
        return "to compute such ops on decoded values pass analogue='allow' (--analogue allow)"
    return "such ops can be computed on decoded values, once the rest is mended"


def _instead(graph: Graph) -> str:
    """Which functions a ReLU could replace."""
    kinds = {op.kind for op in graph.ops if op.role is Role.ANALOGUE and op.family is family.POINTWISE}
    return f"; put nn.ReLU in the place of {', '.join(sorted(kinds))} and train again" if kinds else ""


def listed(ops: Sequence[Op]) -> str:
    """Every op with its place and the reason, up to three of one cause; of more, their number and the first three."""
    groups: dict[tuple[str, str], list[Op]] = {}
    for op in ops:
        groups.setdefault((op.kind, op.reason), []).append(op)
    told = list(groups.values())[:CAUSES]
    rest = len(ops) - sum(map(len, told))
    return ", ".join(map(_group, told)) + (
        f" and {counted(rest, 'op')} of {len(groups) - CAUSES} more causes" * (rest > 0)
    )


def _group(ops: list[Op]) -> str:
    if len(ops) <= SHOWN:
        return ", ".join(f"{op.name} ({op.kind}{_where(op)}{_why(op)})" for op in ops)
    first = ", ".join(f"{op.name}{_place(op)}" for op in ops[:SHOWN])
    return f"{len(ops)} {ops[0].kind}{_why(ops[0])} (the first: {first})"


def _where(op: Op) -> str:
    return "" if op.name.startswith(op.source) else f", {op.source}"


def _place(op: Op) -> str:
    return "" if op.name.startswith(op.source) else f" at {op.source}"


def _why(op: Op) -> str:
    return f": {op.reason}" if op.reason else ""
