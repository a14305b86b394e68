"""Our own combination: least-squares thresholds, graded buffered neurons, calibrated biases and initial potentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from isospike.methods.calibrated import CalibratedMethod
from isospike.methods.method import register
from isospike.neurons.streaming_neuron import Largest, streaming
from isospike.options import Count, Decay, OneOf
from isospike.refine import BiasCalibration, PotentialCalibration
from isospike.refine.refinement import Refinement


@register
@dataclass(frozen=True, kw_only=True)
class CalibratedBuffered(CalibratedMethod):
    """Graded buffered neurons on MMSE thresholds, biases and initial potentials calibrated for each number of steps.

    A combination of ours, in no paper: the threshold per channel with the least squared error for ``largest T`` levels
    and rounding to nearest (phi = 1/2, which ``v_init`` gives), neurons that send up to ``largest`` spikes a step as
    one event and take back what proved too much, then a bias per channel and an initial potential per neuron that give
    every layer the mean output that it has in the ANN. The most accurate streaming network at few steps without
    training of those compared in the benchmarks, and within their noise of the ANN from 4 steps on. Needs T in advance;
    with ``neuron = "buffered"`` an event is a power of two, with ``largest = 1`` a single spike; not where negative
    spikes are impossible.
    """

    papers: ClassVar[tuple[str, ...]] = ("conversionframework", "li2021free")

    v_init: Decay | None = 0.5
    neuron: Annotated[str, OneOf(streaming)] = "graded"
    largest: Largest | None = 8
    refine_images: Count = 1024
    """Calibration images of biases and potentials."""

    def refinements(self) -> tuple[Refinement, ...]:
        """Biases, then potentials."""
        return (BiasCalibration(self.refine_images), PotentialCalibration(self.refine_images))
