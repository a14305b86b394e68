"""What a batch normalisation says of the values behind it, kept at the node into which it is folded."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, fx

NORMALISED = "normalised"
"""Key of a node's notes; whatever replaces the module of the node takes them away."""


@dataclass(frozen=True)
class ChannelMoments:
    """Mean and variance of every channel, ``[C]``, float64."""

    mean: Tensor
    variance: Tensor


def note(node: fx.Node, moments: ChannelMoments) -> None:
    """Note the moments of a node's values."""
    node.meta[NORMALISED] = moments


def noted(node: fx.Node) -> ChannelMoments | None:
    """The moments of a node's values, where they were noted."""
    found: ChannelMoments | None = node.meta.get(NORMALISED)
    return found


def forget(node: fx.Node) -> None:
    """Forget them: the values are others now."""
    node.meta.pop(NORMALISED, None)
