"""A conversion method: a named combination of parts."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import audible, silent_channels
from isospike.capture.graph import Graph, changed_tensors
from isospike.methods.parts import Parts
from isospike.methods.thresholds import Thresholds
from isospike.network import SNN, Provenance
from isospike.options import Configuration
from isospike.refine.refinement import Calibration
from isospike.registry import Registry, kebab_case
from isospike.simulate.readout import ReadOut


@dataclass(frozen=True, kw_only=True)
class Method(Configuration, ABC):
    """The instance is the configuration; a subclass names its parts and, if need be, its read-out."""

    papers: ClassVar[tuple[str, ...]] = ()
    """BibTeX keys in ``references.bib``; empty for methods of this project."""
    needs: ClassVar[str] = "calibration images"
    """What has to be given, in words."""
    needs_training: ClassVar[bool] = False
    """Whether its defaults refuse networks without learned bounds."""
    rises_with: ClassVar[str | None] = None
    """The option of which more raises every threshold towards the largest activation; ``None``: there is none."""

    @classmethod
    def name(cls) -> str:
        """The name on the command line: the class name in kebab case."""
        return kebab_case(cls.__name__)

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    def options(self) -> dict[str, Any]:
        """The configuration as JSON has it."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}

    def used_papers(self) -> tuple[str, ...]:
        """BibTeX keys of this configuration: the method's own and those of its parts."""
        return tuple(dict.fromkeys((*self.papers, *self.parts().papers)))

    @abstractmethod
    def parts(self) -> Parts:
        """The parts this method combines."""

    def parts_for(self, steps: int | None) -> Parts:
        """The parts for a number of steps T; the same for all unless a method depends on T."""
        return self.parts()

    def for_steps(self, steps: Sequence[int]) -> tuple[tuple[Method, tuple[int, ...]], ...]:
        """The configurations that answer at ``steps``, each with those that it answers at; others there are none for.

        No number at all stands for the one that a network has by itself.
        """
        return ((self, tuple(steps)),)

    @property
    def horizons(self) -> tuple[int | None, ...]:
        """The numbers of steps T that a network is made for, rising; ``None``: it is made for none in particular."""
        return (None,)

    def read_out(self, graph: Graph, batches: Batches) -> ReadOut:
        """The read-out of the converted graph; the plain mean over all steps unless a method says otherwise."""
        return ReadOut()

    def request(self, thresholds: Thresholds) -> None:
        """Have the thresholds of all horizons found in the next pass over the data.

        Raises:
            CalibrationError: the scale rule cannot serve a site.
            OptionError: options for each site are not as many as the sites.
        """
        for steps in self.horizons:
            thresholds.request(self.parts_for(steps))

    def convert(self, calibration: Calibration, thresholds: Thresholds) -> SNN:
        """Put neurons in the place of the activations of a folded graph, for every horizon.

        Args:
            calibration: data and means of refinements.
            thresholds: of the graph; those that are not known yet are found.

        Raises:
            CalibrationError: the data do not fit, or NaN or infinity reached a site.
        """
        self.request(thresholds)
        thresholds.collect()
        made = {steps: self._spiking(replace(calibration, steps=steps), thresholds) for steps in self.horizons}
        placed, spiking, silent = made[self.horizons[-1]]
        provenance = Provenance(self.name(), self.options(), self.used_papers(), silent)
        readout = self.read_out(placed, calibration.batches)
        if None in made:
            return SNN(spiking, provenance=provenance, readout=readout)
        sets = {steps: changed_tensors(placed, refined) for steps, (_, refined, _) in made.items() if steps is not None}
        return SNN(placed, provenance=provenance, readout=readout, sets=sets)

    def _spiking(self, calibration: Calibration, thresholds: Thresholds) -> tuple[Graph, Graph, dict[str, int]]:
        """The graph with neurons, the same refined, and the number of silent channels of every site that has some."""
        parts = self.parts_for(calibration.steps)
        prepared, bounds = thresholds.prepared(parts), thresholds.of(parts)
        placed = parts.neurons.place(prepared, audible(bounds))
        refined = placed
        for refinement in parts.refinements:
            refined = refinement.refine(prepared, refined, calibration)
        return placed, refined, silent_channels(bounds)


M = TypeVar("M", bound=Method)

methods: Registry[type[Method]] = Registry("method")
"""Conversion methods by name."""


def register(method: type[M]) -> type[M]:
    """Class decorator: make a method known to the command line, the law tests and the benchmark."""
    methods.register(method.name(), method)
    return method
