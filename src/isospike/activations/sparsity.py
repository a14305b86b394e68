"""The bit-level l1 regulariser: fewer ones in the binary codes are fewer spikes."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from isospike.activations.module import TrainableActivation
from isospike.errors import OptionError

BitGradient = Literal["bits", "code"]
"""Which gradient stands for that of the number of ones."""


def codes(a: Tensor, bound: Tensor, levels: int) -> Tensor:
    """The integer codes ``k`` of activations ``a = u k`` with ``u = bound / levels``, by rounding.

    Truncation would be wrong: ``a / u`` lies below ``k`` by a rounding error for several percent of
    all codes.
    """
    return (a / (bound / levels)).round_().to(torch.int64)


def bit_sparsity(z: Tensor, activation: TrainableActivation, *, gradient: BitGradient = "bits") -> Tensor:
    """The number of ones in the binary codes of one layer: ``sum over batch, neurons and bits``, a scalar.

    It is a sum, not a mean, over the batch. Gradients to the currents ``z`` (none to the bound):

    * ``bits``, as printed: every one of the ``T = ceil(log2(L + 1))`` bits passes 1 to the activation ``a``, so
      ``dL/dz = T`` where ``0 < a < bound``, else 0.
    * ``code``, as released: 1 to the code, so ``dL/dz = L / bound`` where ``0 < z < bound``, else 0.

    Args:
        z: the currents of the layer ``[B, ...]``.
        activation: the layer.
        gradient: which of the two.

    Raises:
        OptionError: the activation has no integer code.

    References:
        *When SNN meets ANN: Error-Free ANN-to-SNN Conversion for Extreme Edge Efficiency*, eq. 11.
    """
    if gradient not in ("bits", "code"):
        raise OptionError(f"the gradient of the bit sparsity must be 'bits' or 'code', got {gradient!r}")
    if activation.levels is None:
        raise OptionError(f"{activation.activation.name} has no integer codes whose bits could be counted; use qcfs")
    ones: Tensor = _Ones.apply(z, activation, activation.levels, gradient)
    return ones


class _Ones(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, activation: TrainableActivation, levels: int, gradient: BitGradient) -> Tensor:
        bound, bits = activation.bound, levels.bit_length()
        current = z.to(torch.promote_types(z.dtype, bound.dtype))
        a = activation.activation(current, activation.log_bound.detach())
        k = codes(a, bound, levels)
        # by the codes: levels times the rounded unit may lie below the bound
        inside = (k > 0) & (k < levels) if gradient == "bits" else (current > 0) & (current < bound)
        ctx.save_for_backward(inside, torch.as_tensor(bits) if gradient == "bits" else levels / bound)
        ctx.dtype = z.dtype
        ones = torch.stack([((k >> bit) & 1).sum() for bit in range(bits)]).sum()
        return ones.to(current.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        inside, weight = ctx.saved_tensors
        return (grads[0] * inside * weight).to(ctx.dtype), None, None, None


class BitSparsity:
    """Sums the `bit_sparsity` of every trainable activation that runs inside a ``with`` block.

    ``with BitSparsity(model) as penalty: y = model(x)``, then ``loss + 1e-8 * penalty.total()``.

    Args:
        model: a network with trainable activations.
        gradient: see `bit_sparsity`.

    Raises:
        OptionError: the model holds no trainable activation, or one without integer codes.
    """

    def __init__(self, model: nn.Module, *, gradient: BitGradient = "bits") -> None:
        self._gradient = gradient
        self._layers = [module for module in model.modules() if isinstance(module, TrainableActivation)]
        if not self._layers:
            raise OptionError("the model holds no trainable activation whose bits could be counted; quantise it first")
        self._counts: list[Tensor] = []
        self._handles: list[Any] = []

    def __enter__(self) -> BitSparsity:
        self._counts = []
        self._handles = [layer.register_forward_hook(self._count) for layer in self._layers]
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for handle in self._handles:
            handle.remove()

    def _count(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, TrainableActivation)
        self._counts.append(bit_sparsity(inputs[0], layer, gradient=self._gradient))

    def total(self) -> Tensor:
        """The sum over all layers of the last run, a scalar."""
        return torch.stack(self._counts).sum()
