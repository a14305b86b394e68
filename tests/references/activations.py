"""Trainable activations as their papers print them, differentiated by autograd with a straight-through floor.

Every rounding point lies 2^-12 of a step lower than printed: the guard against ties by construction, which training
and conversion share.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

import isospike as iso

GUARD = 2.0**-12


def floor(x: Tensor) -> Tensor:
    """Floor with the gradient of the identity."""
    return x + (x.floor() - x).detach()


def qcfs(x: Tensor, bound: Tensor, a: iso.activations.QCFS) -> Tensor:
    return bound * floor((x / bound).clamp(0, 1) * a.levels + 0.5 + GUARD) / a.levels


def qrelu(x: Tensor, bound: Tensor, a: iso.activations.QReLU) -> Tensor:
    return bound * floor((x / bound).clamp(0, 1) * a.levels + GUARD) / a.levels


def slip_relu(x: Tensor, bound: Tensor, a: iso.activations.SlipReLU) -> Tensor:
    ramp = bound * (x / bound + a.lead / a.levels).clamp(0, 1)
    steps = bound * floor((x / bound).clamp(0, 1) * a.levels + a.shift + GUARD) / a.levels
    return a.mixture * ramp + (1 - a.mixture) * steps


def clip(x: Tensor, bound: Tensor, a: iso.activations.Clip) -> Tensor:
    return bound * (x / bound).clamp(0, 1)


REFERENCES: dict[str, Callable[..., Tensor]] = {"qcfs": qcfs, "qrelu": qrelu, "slip-relu": slip_relu, "clip": clip}
