"""QReLU: quantisation by flooring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from isospike.activations.activation import Activation, Levels, register_activation
from isospike.activations.operator import define, staircase, within


def _value(x: Tensor, bound: Tensor, levels: int) -> Tensor:
    return staircase(x, bound, levels, shift=0.0)


def _pull(grad: Tensor, x: Tensor, bound: Tensor, levels: int) -> Tensor:
    return within(grad, x, bound)


_operator: Any = define("qrelu", "int levels", _value, pull=_pull)


@register_activation
@dataclass(frozen=True, kw_only=True)
class QReLU(Activation):
    """Flooring to a few levels below a trained bound.

    ``a = u clip(floor(x / u), 0, P)`` with ``u = bound / P``; ``P = S T`` for a neuron that sends up to S units a
    step for T steps: what neurons starting at zero compute (*A High Performance and Low Latency Deep Spiking Neural
    Networks Conversion Framework*).
    """

    name: ClassVar[str] = "qrelu"

    levels: Levels = 16
    """Steps between 0 and the bound, P; the largest spike times the number of time steps."""

    def __call__(self, x: Tensor, log_bound: Tensor) -> Tensor:
        """``u clip(floor(x / u), 0, P)``."""
        y: Tensor = _operator(x, log_bound, self.levels)
        return y

    @property
    def stairs(self) -> int:
        """The levels."""
        return self.levels

    @property
    def phi(self) -> float:
        """Rounded down."""
        return 0.0
