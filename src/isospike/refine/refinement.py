"""What a refinement promises: a converted network in, the same with better parameters out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from isospike.calibrate.batches import Batches
from isospike.errors import ConversionError
from isospike.graphs.graph import Graph
from isospike.neurons import Kind
from isospike.neurons.neuron import title_of
from isospike.options import Configuration
from isospike.progress import Report

DEFAULT_MEMORY_BUDGET = 512 * 2**20
"""Bytes for the trains of one sweep, and for a cache of activations before it goes to a file."""


@dataclass(frozen=True)
class Calibration:
    """What refinements work with."""

    batches: Batches
    """Calibration inputs."""
    steps: int | None = None
    """Number of steps T that the network is calibrated for; ``None``: it has its own."""
    memory_budget: int = DEFAULT_MEMORY_BUDGET
    """Bytes for trains and caches; larger caches go to a temporary file."""
    progress: Report | None = None
    """Called while long work goes on."""
    checkpoint: Path | None = None
    """File in which long work keeps what is done, to go on from there."""

    def horizon(self, what: str) -> int:
        """The number of steps T, which a refinement needs.

        Raises:
            ConversionError: the method has none.
        """
        if self.steps is None:
            raise ConversionError(
                f"{what} needs the numbers of steps that the network is made for; give them to a method such as "
                "CalibrationLight, or derive one from isospike.methods.CalibratedMethod"
            )
        return self.steps

    def tell(self, what: str, done: int, total: int) -> None:
        """Report progress."""
        if self.progress is not None:
            self.progress(what, done, total)


def check_emitters(what: str, spiking: Graph) -> None:
    """Refuse networks of streaming neurons.

    Raises:
        ConversionError: a site has other neurons; it is named.
    """
    for site in spiking.sites:
        neuron = spiking.get_submodule(site)
        if getattr(neuron, "kind", None) is not Kind.EMITTING:
            raise ConversionError(
                f"{what} is for accumulate-then-emit neurons, '{site}' has {title_of(neuron)} neurons; leave it "
                "out, or choose other neurons"
            )


@dataclass(frozen=True)
class Refinement(Configuration, ABC):
    """Changes parameters of a converted network; the instance is the configuration. Refinements compose in order."""

    papers: ClassVar[tuple[str, ...]] = ()
    """BibTeX keys in ``references.bib``."""
    serves_signed: ClassVar[bool] = False
    """Whether it knows neurons in the place of activations whose values have both signs."""
    resumes: ClassVar[bool] = False
    """Whether it keeps what it has done in the checkpoint of a calibration."""

    @abstractmethod
    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        """A corrected view of the network.

        Args:
            ann: the folded network with its activations, its pools in their places.
            spiking: the same with neurons; it is not changed.
            calibration: data, number of steps and means.

        Raises:
            CalibrationError: a batch does not fit, or NaN or infinity reached a site (named).
        """
