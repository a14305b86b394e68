"""Integrate-and-fire neurons on networks trained with SlipReLU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import ScaledMethod
from isospike.scales.rule import RuleName


@register
@dataclass(frozen=True, kw_only=True)
class SlipReLU(ScaledMethod):
    """Soft-reset IF neurons on a network trained with SlipReLU activations (Jiang et al. 2023), rate code, any T.

    ``theta = lambda``, the learned bound, and ``v_init = d2 theta`` with the shift of the staircase. The clipped part
    of the activation is not what the neurons compute, so the error does not vanish at T = N: train with QCFS where that
    matters. Refuses networks without learned bounds unless another scale is chosen.
    """

    papers: ClassVar[tuple[str, ...]] = ("jiang2023unified",)
    needs: ClassVar[str] = "a network trained with SlipReLU"
    needs_training: ClassVar[bool] = True

    scale: RuleName = "learned"

    def parts(self) -> Parts:
        """Learned scale, IF neurons charged as the staircase was shifted."""
        return self._streaming(self._rule())
