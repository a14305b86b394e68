"""Integrate-and-fire neurons on networks with quantised activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.activations.activation import Granularity
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import ScaledMethod


@register
@dataclass(frozen=True, kw_only=True)
class QCFS(ScaledMethod):
    """Soft-reset IF neurons on a network trained with QCFS activations (Bu et al. 2022), rate code, any T.

    ``theta = lambda``, the learned bound, and ``v_init = phi theta`` with the trained shift phi, 1/2 for QCFS: the
    expected error of every layer is zero for constant inputs. In the first layer T = L steps give the trained
    activation exactly; deeper layers keep an unevenness error at every T. On a ReLU network it is the chosen scale
    rule with IF neurons, phi = 1/2. Use it when answers are wanted at any step; for equality use bit-coded or pascal.
    """

    papers: ClassVar[tuple[str, ...]] = ("bu2022optimal",)
    needs: ClassVar[str] = "calibration images; made for networks trained with QCFS"

    granularity: Granularity = "channel"

    def parts(self) -> Parts:
        """Learned or calibrated scale, IF neurons charged as the activations were shifted."""
        return self._streaming(self._rule())
