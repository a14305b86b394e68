"""Exact piecewise-linear functions of both signs: the places of two populations, one for ``z`` and one for ``-z``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch._ops import OpOverload


class TwoSided(nn.Module):
    """``f(z) = p(relu(z)) + n(relu(-z))`` with ``f(0) = 0``, each part a slope, a dead zone or a ceiling.

    One population of neurons reads ``z``, another ``-z``, and one of them is silent. What reads them sees one train:
    its weights stand behind the one, and its weights times the slope behind the other. The neurons quantise ``f``.
    """

    target: ClassVar[OpOverload[..., Any]]
    """The call that computes it."""
    is_signed = True
    """Whether outputs may be negative; see `isospike.neurons.is_signed`."""

    @property
    def constants(self) -> tuple[Any, ...]:
        """The arguments of the call behind its input."""
        return ()

    @property
    def slopes(self) -> Tensor:
        """Factors of the parts that are not 1, float64."""
        return torch.empty(0, dtype=torch.float64)

    @property
    def limits(self) -> Tensor:
        """Ceilings and edges of dead zones, float64."""
        return torch.empty(0, dtype=torch.float64)

    @property
    def steepest(self) -> float:
        """By what a difference grows at most."""
        return torch.cat([self.slopes.abs(), self.slopes.new_ones(1)]).max().item()

    def forward(self, z: Tensor) -> Tensor:
        """``f(z)`` of currents ``[B, ...]``."""
        result: Tensor = self.target(z, *self.constants)
        return result


class Leaky(TwoSided):
    """``relu(z) - a relu(-z)``.

    Args:
        slope: ``a``; outputs are never negative where it is not positive.
    """

    target = torch.ops.aten.leaky_relu.default

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope
        self.is_signed = slope > 0

    @property
    def constants(self) -> tuple[Any, ...]:
        """The slope."""
        return (self.slope,)

    @property
    def slopes(self) -> Tensor:
        """The slope."""
        return torch.tensor([self.slope], dtype=torch.float64)

    def extra_repr(self) -> str:
        """The slope."""
        return f"slope={self.slope}"


class ParametricLeaky(TwoSided):
    """``relu(z) - a relu(-z)`` with trained slopes.

    Args:
        slope: ``a``, one number or ``[C, 1, ...]``.
    """

    target = torch.ops.aten.prelu.default
    slope: Tensor

    def __init__(self, slope: Tensor) -> None:
        super().__init__()
        is_trained = isinstance(slope, nn.Parameter)
        self.slope = slope if is_trained else nn.Parameter(slope, requires_grad=slope.is_floating_point())

    @property
    def constants(self) -> tuple[Any, ...]:
        """The slopes, as one axis."""
        return (self.slope.flatten(),)

    @property
    def slopes(self) -> Tensor:
        """The slopes."""
        return self.slope.detach().flatten().double()

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"slopes={self.slope.numel()}"


class Absolute(TwoSided):
    """``relu(z) + relu(-z) = |z|``."""

    target = torch.ops.aten.abs.default
    is_signed = False


class Bounded(TwoSided):
    """``min(relu(z), high) - min(relu(-z), -low) = min(max(z, low), high)``.

    Args:
        low: lower bound, below zero; ``None``: there is none.
        high: upper bound, not below zero; ``None``: there is none.
    """

    target = torch.ops.aten.clamp.default

    def __init__(self, low: float | None, high: float | None) -> None:
        super().__init__()
        self.low, self.high = low, high

    @property
    def max_val(self) -> float:
        """The largest magnitude of an output; infinite where one side has no bound."""
        return math.inf if self.low is None or self.high is None else max(-self.low, self.high)

    @property
    def constants(self) -> tuple[Any, ...]:
        """Both bounds."""
        return self.low, self.high

    @property
    def limits(self) -> Tensor:
        """The bounds that there are."""
        return torch.tensor([bound for bound in (self.low, self.high) if bound is not None], dtype=torch.float64)

    def extra_repr(self) -> str:
        """Both bounds."""
        return f"low={self.low}, high={self.high}"


class SoftShrink(TwoSided):
    """``relu(z - l) - relu(-z - l)``.

    Args:
        edge: ``l``, not below zero.
    """

    target = torch.ops.aten.softshrink.default

    def __init__(self, edge: float) -> None:
        super().__init__()
        self.edge = edge

    @property
    def constants(self) -> tuple[Any, ...]:
        """The edge of the dead zone."""
        return (self.edge,)

    @property
    def limits(self) -> Tensor:
        """The edge of the dead zone."""
        return torch.tensor([self.edge], dtype=torch.float64)

    def extra_repr(self) -> str:
        """The edge of the dead zone."""
        return f"edge={self.edge}"
