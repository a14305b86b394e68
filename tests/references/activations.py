"""Trainable activations as their papers print them, differentiated by autograd with a straight-through floor."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

import isospike as iso


def floor(x: Tensor) -> Tensor:
    """Floor with the gradient of the identity."""
    return x + (x.floor() - x).detach()


def qcfs(x: Tensor, bound: Tensor, a: iso.activations.QCFS) -> Tensor:
    return bound * floor((x / bound).clamp(0, 1) * a.levels + 0.5) / a.levels


def qrelu(x: Tensor, bound: Tensor, a: iso.activations.QReLU) -> Tensor:
    return bound * floor((x / bound).clamp(0, 1) * a.levels) / a.levels


def slip_relu(x: Tensor, bound: Tensor, a: iso.activations.SlipReLU) -> Tensor:
    ramp = bound * (x / bound + a.lead / a.levels).clamp(0, 1)
    steps = bound * floor((x / bound).clamp(0, 1) * a.levels + a.shift) / a.levels
    return a.mixture * ramp + (1 - a.mixture) * steps


def clip(x: Tensor, bound: Tensor, a: iso.activations.Clip) -> Tensor:
    return bound * (x / bound).clamp(0, 1)


REFERENCES: dict[str, Callable[..., Tensor]] = {"qcfs": qcfs, "qrelu": qrelu, "slip-relu": slip_relu, "clip": clip}
