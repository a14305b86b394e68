"""Every trainable activation is one operator of torch, so that an export keeps it as one node."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

NAMESPACE = "isospike"
GUARD = 2.0**-12
"""Part of a step by which every rounding point is moved, in training and afterwards: sums that lie exactly on one by
construction (a silent branch, equal units) then lie inside one bin whatever the order of summation."""
PIECE = 2**16
"""Elements computed at once on a processor: value and gradients of 2^21 took 8 ms so, 27 ms in one go (bfloat16)."""

Formula = Callable[..., Tensor]
"""``formula(x, bound, *numbers)``: a new tensor like ``x``, element by element. Few passes over memory count here."""


def define(name: str, numbers: str, value: Formula, *, pull: Formula) -> Any:
    """Define ``isospike::name(Tensor input, Tensor log_bound, numbers) -> Tensor`` with its gradients.

    With ``a(x, bound)`` the value, the gradient ``da/dx`` of the input is that of the straight-through estimator.
    Every trainable activation is homogeneous, ``a(c x, c bound) = c a(x, bound)``, so that by Euler's theorem the
    gradient of the bound follows from it:

        da/d log(bound) = bound * da/d bound = a - x * da/dx

    For the quantised ones this is the gradient of LSQ (Esser et al. 2020, eq. 3): the rounding error ``a - x`` inside
    the bound, ``a = bound`` above it, 0 below zero. It is summed over the elements that share a bound.

    Half-precision inputs are computed in the precision of the bound.

    Args:
        name: name of the operator.
        numbers: further arguments as a schema, e.g. ``int levels``.
        value: ``a(x, bound, *numbers)``.
        pull: ``grad * da/dx``; ``pull(grad, x, bound, *numbers)``.
    """

    def forward(input: Tensor, log_bound: Tensor, *rest: float) -> Tensor:
        bound, output = log_bound.exp(), torch.empty_like(input)
        for x, y in _pieces(log_bound, input, output):
            y.copy_(value(_wide(x, log_bound), bound, *rest))
        return output

    def fake(input: Tensor, log_bound: Tensor, *rest: float) -> Tensor:
        return torch.empty_like(input)

    def remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        input, log_bound, *ctx.rest = inputs
        ctx.save_for_backward(input, log_bound, output)

    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        input, log_bound, output = ctx.saved_tensors
        bound, to_input = log_bound.exp(), torch.empty_like(input)
        to_bound = torch.zeros_like(log_bound) if ctx.needs_input_grad[1] else None
        for x, y, out, pulled in _pieces(log_bound, input, grad, output, to_input):
            x, y = _wide(x, log_bound), _wide(y, log_bound)
            inner = pull(y, x, bound, *ctx.rest)
            pulled.copy_(inner)
            if to_bound is not None:
                to_bound += (y * out).addcmul_(inner, x, value=-1).sum_to_size(log_bound.shape)
        return to_input, to_bound, *(None for _ in ctx.rest)

    arguments = ", ".join(filter(None, ("Tensor input, Tensor log_bound", numbers)))
    operator = torch.library.custom_op(
        f"{NAMESPACE}::{name}", forward, mutates_args=(), schema=f"({arguments}) -> Tensor"
    )
    operator.register_fake(fake)
    operator.register_autograd(backward, setup_context=remember)
    return operator


def _pieces(log_bound: Tensor, *tensors: Tensor) -> Iterable[tuple[Tensor, ...]]:
    """The same samples of several tensors, on a processor few enough at once to stay in its cache."""
    x = tensors[0]
    if x.device.type != "cpu" or x.dim() <= log_bound.dim() or x.numel() <= PIECE:
        return [tensors]
    samples = max(1, PIECE * len(x) // x.numel())
    return zip(*(tensor.split(samples) for tensor in tensors), strict=True)


def _wide(x: Tensor, log_bound: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, log_bound.dtype))


def staircase(x: Tensor, bound: Tensor, levels: int, *, shift: float) -> Tensor:
    """``u clip(floor(x / u + shift + guard), 0, levels)`` with the unit ``u = bound / levels``."""
    unit = bound / levels
    return (x / unit).add_(shift + GUARD).floor_().clamp_(0, levels).mul_(unit)


def within(grad: Tensor, x: Tensor, bound: Tensor) -> Tensor:
    """``grad`` where ``0 < x < bound``, else 0."""
    above = torch.ops.aten.threshold_backward(grad, x, 0)
    kept: Tensor = torch.ops.aten.threshold_backward(above, bound - x, 0)
    return kept
