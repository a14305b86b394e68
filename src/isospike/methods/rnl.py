"""Rate norm layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import ScaledMethod
from isospike.options import Decay
from isospike.scales.rule import RuleName


@register
@dataclass(frozen=True, kw_only=True)
class RNL(ScaledMethod):
    """Soft-reset IF neurons whose thresholds were trained as ceilings of the activations (Ding et al. 2021).

    ``theta`` = the learned bound of a clipped ReLU (activation ``clip``), ``v_init = 0``: the conversion of rate norm
    layers. Their second training stage, on an estimate of the inference error, is not part of it. Refuses networks
    without learned bounds unless another scale is chosen. Not for networks trained with a shift; use qcfs there.
    """

    papers: ClassVar[tuple[str, ...]] = ("ding2021optimal",)
    needs: ClassVar[str] = "a network trained with clipped ReLUs"
    needs_training: ClassVar[bool] = True

    v_init: Decay | None = 0.0
    scale: RuleName = "learned"

    def parts(self) -> Parts:
        """Learned scale, IF neurons."""
        return self._streaming(self._rule())
