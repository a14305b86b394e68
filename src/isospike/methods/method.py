"""A conversion method: a named combination of parts."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from torch import Tensor

from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect_scales
from isospike.capture.graph import Graph, op_of
from isospike.capture.roles import Role
from isospike.errors import OptionError
from isospike.network import SNN, Provenance
from isospike.neurons import IntegrateAndFire
from isospike.pooling import place_max_pools
from isospike.registry import Registry, kebab_case
from isospike.scales.rule import ScaleRule
from isospike.simulate.readout import ReadOut


@dataclass(frozen=True)
class Parts:
    """What a method is made of."""

    scale: ScaleRule
    """How thresholds are found."""
    v_init: float
    """Initial membrane potential, in thresholds."""
    pooling: str
    """Name of the max-pooling rule."""


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
        pooled = place_max_pools(graph, parts.pooling)
        thresholds = collect_scales(pooled, parts.scale, batches)
        spiking = _place_neurons(pooled, thresholds, parts.v_init)
        provenance = Provenance(self.name(), dataclasses.asdict(self), self.papers)
        return SNN(spiking, readout=self.read_out(spiking, batches), provenance=provenance)

    def _require(self, ok: bool, option: str, wanted: str) -> None:
        """Refuse an option outside its range."""
        if not ok:
            value: Any = getattr(self, option)
            raise OptionError(f"{self.name()}: {option} must be {wanted}, got {value!r}")


def _place_neurons(graph: Graph, thresholds: dict[str, Tensor], v_init: float) -> Graph:
    spiking = graph.view()
    for node in spiking.nodes_with(Role.ACTIVATION):
        theta = thresholds[op_of(node).name]
        ceiling = getattr(spiking.module_of(node), "max_val", None)
        spiking.replace(node, IntegrateAndFire(theta, theta * v_init, ceiling))
    return spiking


M = TypeVar("M", bound=Method)

methods: Registry[type[Method]] = Registry("method")
"""Conversion methods by name."""


def register(method: type[M]) -> type[M]:
    """Class decorator: make a method known to the command line, the law tests and the benchmark."""
    methods.register(method.name(), method)
    return method
