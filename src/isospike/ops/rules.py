"""The role of a call that no module computes, by what its arguments are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import fx
from torch.utils import _pytree as pytree

from isospike.ops.role import Role

Verdict = tuple[Role, str]
"""A role, and the reason for it where the op alone does not say it."""


@dataclass(frozen=True)
class Call:
    """One call of an op."""

    node: fx.Node
    varies: Callable[[fx.Node], bool]
    """Whether a node's value depends on the input."""

    @property
    def operands(self) -> list[fx.Node]:
        """The arguments that depend on the input; twice, where one stands twice."""
        leaves = pytree.arg_tree_leaves(*self.node.args, **self.node.kwargs)
        return [leaf for leaf in leaves if isinstance(leaf, fx.Node) and self.varies(leaf)]


Rule = Callable[[Call], Verdict]
"""What decides the role of a call."""


def always(role: Role, reason: str = "") -> Rule:
    """The same role whatever the arguments are."""
    return lambda call: (role, reason)


def product(call: Call) -> Verdict:
    """Linear when all operands but one are constant; a product of two activations is an island."""
    if len(call.operands) > 1:
        return Role.ANALOGUE, "a product of two activations"
    return Role.LINEAR, ""


def quotient(call: Call) -> Verdict:
    """Linear when the divisor is constant and nothing is rounded."""
    if call.node.args[0] not in call.operands:
        return Role.ANALOGUE, "a product of two activations"
    if call.node.kwargs.get("rounding_mode") is not None:
        return Role.ANALOGUE, "it rounds the quotient"
    return product(call)


def tokens(call: Call) -> Verdict:
    """Only whole numbers among the inputs: what computes with them is part of the input."""
    return Role.UNSUPPORTED, (
        "it takes whole numbers of the input, and is given values of the network; a mask of these may fill with finite "
        "numbers alone, such as torch.finfo(x.dtype).min"
    )
