"""Buffered neurons with multi-bit, signed spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.activations.activation import Granularity
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import ScaledMethod
from isospike.neurons.streaming_neuron import Largest
from isospike.scales.rule import RuleName


@register
@dataclass(frozen=True, kw_only=True)
class Buffered(ScaledMethod):
    """Buffered non-leaky IF neurons: spikes of up to ``largest`` thresholds, taken back as soon as they prove too many.

    ``theta = bound / largest``; ``s = adj(floor(v / theta))`` upwards, ``-adj(min(ceil(-v / theta), n))`` downwards
    while n spikes are out, ``adj`` the largest power of two up to ``largest`` or, graded, ``min(., largest)``.
    The count follows the ideal one with at most ``largest`` a step, so ``largest T`` levels take T steps: 2 x 8 and
    1 x 16 are the same QReLU. Learned bounds (QReLU: ``v_init = 0``, as trained) stay; any scale rule serves ReLU
    networks. A tail that is not affine (softmax, sigmoid, detection heads; ``analogue="allow"``) is computed in
    floating point on the mean output of the last spiking layer, the hybrid read-out. The best streaming neuron for few
    steps; not where negative spikes are impossible.
    """

    papers: ClassVar[tuple[str, ...]] = ("conversionframework",)

    granularity: Granularity = "channel"
    scale: RuleName = "maximum"
    largest: Largest = 1
    """Largest spike in thresholds, S_max, a power of two unless graded: from 4 on powers of two alone cannot follow."""
    powers_of_two: bool = True
    """Send powers of two thresholds, as published; otherwise any whole number, graded spikes."""

    def __post_init__(self) -> None:
        """Refuse events that the neurons do not send."""
        super().__post_init__()
        self._require_largest(self._neuron(), self.largest)

    def parts(self) -> Parts:
        """Any scale; buffered neurons, or graded ones."""
        return self._streaming(self._rule(), self._neuron(), largest=self.largest)

    def _neuron(self) -> str:
        return "buffered" if self.powers_of_two else "graded"
