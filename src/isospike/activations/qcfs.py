"""QCFS: quantisation, clip, floor, shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from isospike.activations.activation import Activation, Levels, register_activation
from isospike.activations.operator import define, staircase, within

PHI = 0.5
"""Half a step: rounding."""


def _value(x: Tensor, bound: Tensor, levels: int) -> Tensor:
    return staircase(x, bound, levels, shift=PHI)


def _pull(grad: Tensor, x: Tensor, bound: Tensor, levels: int) -> Tensor:
    return within(grad, x, bound)


_operator: Any = define("qcfs", "int levels", _value, pull=_pull)


@register_activation
@dataclass(frozen=True, kw_only=True)
class QCFS(Activation):
    """Rounding to a few levels below a trained bound.

    ``a = u clip(floor(x / u + 1/2), 0, L)`` with ``u = bound / L``, which has ``L + 1`` values. Soft-reset neurons
    that start at half their threshold compute it exactly for a constant input (Bu et al. 2022, *Optimal ANN-SNN
    Conversion*, eq. 9); accumulate-then-emit neurons always do.
    """

    name: ClassVar[str] = "qcfs"
    papers: ClassVar[tuple[str, ...]] = ("bu2022optimal",)

    levels: Levels = 4
    """Steps between 0 and the bound, L; 2^bits - 1 fills a binary code of that many bits."""

    def __call__(self, x: Tensor, log_bound: Tensor) -> Tensor:
        """``u clip(floor(x / u + 1/2), 0, L)``."""
        y: Tensor = _operator(x, log_bound, self.levels)
        return y

    @property
    def stairs(self) -> int:
        """The levels."""
        return self.levels

    @property
    def phi(self) -> float:
        """Half a step."""
        return PHI
