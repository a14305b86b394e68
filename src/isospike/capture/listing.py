"""Many ops in one line: by cause, with their number and the first of them."""

from __future__ import annotations

from collections.abc import Sequence

from isospike.capture.graph import Op
from isospike.messages import counted

SHOWN = 3
"""Ops of one cause that are named."""
CAUSES = 6
"""Causes that are told apart; a network has hundreds of ops, but they are refused for few reasons."""


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
