"""The quantiser that accumulate-then-emit neurons compute, and the activation made of it."""

from __future__ import annotations

import copy
import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from isospike.activations.operator import GUARD
from isospike.kernels.quantise import quantise_currents

NEAREST = 0.5 + GUARD
"""Phase phi of rounding to the nearest level. The guard is on both sides of a comparison; generic near-ties stay."""
DOWN = GUARD
"""Phase phi of rounding down."""


def codes_of(z: Tensor, unit: Tensor, levels: int, *, v_init: Tensor, lowest: int = 0) -> Tensor:
    """``Q = clip(floor((z + v_init) / u), a, K)``: whole numbers in the type of ``z``.

    Args:
        z: currents ``[B, ...]``.
        unit: height of one level, in units of the current; scalar or ``[C, 1, 1]``.
        levels: number of levels K above zero, the largest code.
        v_init: what is there before the current, in its units: ``phi u`` for a phase phi, 1/2 rounding to nearest.
        lowest: the smallest code a: 0 of rectifiers, -K of signed sites.
    """
    return quantise_currents(z, unit, v_init, worth=None, low=lowest, high=levels)


@runtime_checkable
class LearnedActivation(Protocol):
    """What an activation module with a trained bound shows to the methods; a staircase also shows its ``shift``."""

    bound: Tensor
    """Saturation value lambda > 0: a scalar or one value per channel."""
    levels: int | None
    """Number of levels L above zero, so L + 1 values; ``None`` where the activation is not a staircase."""


class QuantisedActivation(nn.Module):
    """``a = u Q(z; u, L, phi)`` with ``u = bound / levels``: a quantised activation at rest, without gradients.

    Args:
        bound: saturation value lambda, scalar or ``[C, 1, 1]``.
        levels: number of levels L above zero.
        shift: phase phi; 1/2 makes it the quantisation-clip-floor-shift (QCFS) of Bu et al. 2022, eq. 9.
    """

    bound: Tensor
    unit: Tensor
    v_init: Tensor

    def __init__(self, bound: Tensor, levels: int, shift: float = NEAREST) -> None:
        super().__init__()
        unit = bound / levels  # kept: in a wider number format it would be another one than the neuron's
        for name, value in (("bound", bound), ("unit", unit), ("v_init", shift * unit)):
            self.register_buffer(name, value)
        self.levels = levels
        self.shift = shift

    def forward(self, z: Tensor) -> Tensor:
        """Currents ``[B, ...]`` to the nearest of ``levels + 1`` values from 0 to ``bound``."""
        return codes_of(z, self.unit, self.levels, v_init=self.v_init) * self.unit

    def extra_repr(self) -> str:
        """The number of levels and the shift."""
        return f"bound={list(self.bound.shape)}, levels={self.levels}, shift={self.shift}"


def is_staircase(activation: nn.Module) -> bool:
    """Whether an activation was trained with levels."""
    return isinstance(activation, LearnedActivation) and activation.levels is not None


def is_signed(activation: nn.Module) -> bool:
    """Whether an activation puts out values of both signs, which neurons send as spikes of both signs."""
    return bool(getattr(activation, "is_signed", False))


def has_ceiling(activation: nn.Module) -> bool:
    """Whether an activation saturates: a learned bound, or a ceiling, of both signs at a signed site."""
    return isinstance(activation, LearnedActivation) or getattr(activation, "max_val", math.inf) < math.inf


def shift_of(activation: nn.Module, *, otherwise: float = NEAREST) -> float:
    """The phase that an activation was trained with; ``otherwise`` where there is none."""
    return float(getattr(activation, "shift", otherwise)) if isinstance(activation, LearnedActivation) else otherwise


def activation_at_rest(activation: nn.Module) -> nn.Module:
    """A plain copy of an activation: what a neuron put in its place must be compared with."""
    if hasattr(activation, "is_signed"):
        return copy.deepcopy(activation)
    if not isinstance(activation, LearnedActivation):
        ceiling = getattr(activation, "max_val", None)
        return nn.ReLU() if ceiling is None else nn.Hardtanh(0.0, ceiling)
    if activation.levels is None:
        return copy.deepcopy(activation)
    bound = torch.as_tensor(activation.bound).detach().clone()
    return QuantisedActivation(bound, int(activation.levels), shift_of(activation))
