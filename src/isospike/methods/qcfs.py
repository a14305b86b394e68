"""Integrate-and-fire neurons on networks with quantised activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.method import register
from isospike.methods.parts import Parts, Streaming
from isospike.methods.quantised import QuantisedMethod
from isospike.neurons import NEAREST
from isospike.pooling import rules as pooling_rules


@register
@dataclass(frozen=True)
class QCFS(QuantisedMethod):
    """Soft-reset IF neurons on a network trained with QCFS activations (Bu et al. 2022), rate code, any T.

    ``theta = lambda``, the learned bound, and ``v_init = phi theta`` with the trained shift phi, 1/2 for QCFS: the
    expected error of every layer is zero for constant inputs. In the first layer T = L steps give the trained
    activation exactly; deeper layers keep an unevenness error at every T. On a ReLU network it is the chosen scale
    rule with IF neurons, phi = 1/2. Use it when answers are wanted at any step; for equality use bit-coded or pascal.
    """

    papers: ClassVar[tuple[str, ...]] = ("bu2022optimal",)

    levels: int = 8
    """Levels L, the T that a rule such as mmse finds the bound of a ReLU site for."""
    pooling: str = "cumulative"
    """Max-pooling rule: cumulative, instantaneous or winner."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._require_whole("levels", 1)
        pooling_rules[self.pooling]

    def parts(self) -> Parts:
        """Learned or calibrated scale, IF neurons charged as the activations were shifted."""
        return Parts(self._scale_rule(levels=self.levels, phase=NEAREST), Streaming(None, self.pooling))
