"""The refinement that puts a network on the binary grid."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from isospike.graphs.graph import Graph
from isospike.inputs import each
from isospike.refine.grid import put_on_grid
from isospike.refine.refinement import Calibration, Refinement, check_emitters

MARGIN = 4
"""Range of inputs, in those of the first calibration batch."""


@dataclass(frozen=True)
class ExactGrid(Refinement):
    """Round an accumulate-then-emit network to a grid in float64 on which no sum is rounded; see `put_on_grid`."""

    serves_signed = True

    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        """See `Refinement.refine`; raises `ConversionError` where an op cannot be made exact."""
        check_emitters("the exact grid", spiking)
        return put_on_grid(spiking, MARGIN * max(real.abs().max().item() for real in _reals(calibration)))


def _reals(calibration: Calibration) -> list[Tensor]:
    """The inputs of real numbers of the first batch."""
    return [tensor for tensor in each(calibration.batches.first).values() if tensor.is_floating_point()]
