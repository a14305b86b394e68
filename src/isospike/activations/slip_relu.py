"""SlipReLU: a weighted mean of a clipped ReLU and a staircase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from torch import Tensor

from isospike.activations.activation import Activation, Levels, register_activation
from isospike.activations.operator import define, staircase, within
from isospike.options import Range, Share


def _value(x: Tensor, bound: Tensor, levels: int, mixture: float, lead: float, shift: float) -> Tensor:
    ramp = (x + bound * (lead / levels)).clamp_(min=0).minimum(bound)
    return ramp.mul_(mixture).add_(staircase(x, bound, levels, shift=shift), alpha=1 - mixture)


def _pull(grad: Tensor, x: Tensor, bound: Tensor, levels: int, mixture: float, lead: float, shift: float) -> Tensor:
    ramp = within(grad, x + bound * (lead / levels), bound)
    return ramp.mul_(mixture).add_(within(grad, x, bound), alpha=1 - mixture)


_operator: Any = define("slip_relu", "int levels, float mixture, float lead, float shift", _value, pull=_pull)


@register_activation
@dataclass(frozen=True, kw_only=True)
class SlipReLU(Activation):
    """A weighted mean of a clipped ReLU and a staircase, with a trained bound.

    ``c bound clip(x/bound + d1/N, 0, 1) + (1-c) u clip(floor(x/u + d2), 0, N)`` with ``u = bound / N``. The smooth
    part helps training; the neurons of the converted network compute the staircase alone, starting at ``d2``
    thresholds (Jiang et al. 2023, *A Unified Optimization Framework of ANN-SNN Conversion*). Do not expect an SNN
    equal to the network: that needs ``mixture`` 0, which is QCFS or QReLU.
    """

    name: ClassVar[str] = "slip-relu"
    papers: ClassVar[tuple[str, ...]] = ("jiang2023unified",)

    levels: Levels = 4
    """Steps between 0 and the bound, N."""
    mixture: Share = 0.5
    """Share c of the clipped ReLU."""
    lead: Share = 0.0
    """Shift d1 of the clipped ReLU in steps."""
    shift: Annotated[float, Range(0, 0.5)] = 0.5
    """Shift d2 of the staircase in steps."""

    def __call__(self, x: Tensor, log_bound: Tensor) -> Tensor:
        """The weighted mean."""
        y: Tensor = _operator(x, log_bound, self.levels, self.mixture, self.lead, self.shift)
        return y

    @property
    def stairs(self) -> int | None:
        """The levels where the staircase is all there is."""
        return self.levels if self.mixture == 0 else None

    @property
    def phi(self) -> float:
        """The shift of the staircase."""
        return self.shift
