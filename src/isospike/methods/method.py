"""A conversion method: a named combination of parts."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect_scales
from isospike.capture.graph import Graph
from isospike.errors import OptionError
from isospike.methods.parts import Parts
from isospike.network import SNN, Provenance
from isospike.registry import Registry, kebab_case
from isospike.simulate.readout import ReadOut


@dataclass(frozen=True)
class Method(ABC):
    """The instance is the configuration; a subclass names its parts and, if need be, its read-out."""

    papers: ClassVar[tuple[str, ...]] = ()
    """BibTeX keys in ``references.bib``."""

    @classmethod
    def name(cls) -> str:
        """The name on the command line: the class name in kebab case."""
        return kebab_case(cls.__name__)

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @abstractmethod
    def parts(self) -> Parts:
        """The parts this method combines."""

    def read_out(self, graph: Graph, batches: Batches) -> ReadOut:
        """The read-out of the converted graph; the plain mean over all steps unless a method says otherwise."""
        return ReadOut()

    def convert(self, graph: Graph, batches: Batches) -> SNN:
        """Calibrate a folded graph and put neurons in the place of its activations.

        Raises:
            CalibrationError: the data do not fit, or NaN or infinity reached a site.
        """
        parts = self.parts()
        prepared = parts.neurons.prepare(graph)
        bounds = collect_scales(prepared, parts.scale, batches)
        spiking = parts.neurons.finish(parts.neurons.place(prepared, bounds), batches.first)
        provenance = Provenance(self.name(), dataclasses.asdict(self), self.papers)
        return SNN(spiking, provenance=provenance, readout=self.read_out(spiking, batches))

    def _require(self, ok: bool, option: str, wanted: str) -> None:
        """Refuse an option outside its range."""
        if not ok:
            value: Any = getattr(self, option)
            raise OptionError(f"{self.name()}: {option} must be {wanted}, got {value!r}")


M = TypeVar("M", bound=Method)

methods: Registry[type[Method]] = Registry("method")
"""Conversion methods by name."""


def register(method: type[M]) -> type[M]:
    """Class decorator: make a method known to the command line, the law tests and the benchmark."""
    methods.register(method.name(), method)
    return method
