"""Clip: a ReLU with a trained ceiling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from isospike.activations.activation import Activation, register_activation
from isospike.activations.operator import define, within


def _value(x: Tensor, bound: Tensor) -> Tensor:
    return x.clamp(min=0).minimum(bound)


_operator: Any = define("clip", "", _value, pull=within)


@register_activation
@dataclass(frozen=True, kw_only=True)
class Clip(Activation):
    """A ReLU with a trained bound.

    ``a = clip(x, 0, bound)``, the limit of QCFS for many levels.

    References:
        Choi et al. 2018, *PACT: Parameterized Clipping Activation*, eq. 1.
    """

    name: ClassVar[str] = "clip"
    papers: ClassVar[tuple[str, ...]] = ("choi2018pact",)

    def __call__(self, x: Tensor, log_bound: Tensor) -> Tensor:
        """``clip(x, 0, bound)``."""
        y: Tensor = _operator(x, log_bound)
        return y

    @property
    def stairs(self) -> None:
        """Not a staircase."""
        return
