"""A conversion method: a named combination of parts."""

from __future__ import annotations

import dataclasses
import types
import typing
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

    def __post_init__(self) -> None:
        """Check the types; a subclass checks the ranges after it.

        Raises:
            OptionError: a value is not of its field's type.
        """
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            hint = hints[field.name]
            self._require(_fits(getattr(self, field.name), hint), field.name, _wording(hint))

    @classmethod
    def name(cls) -> str:
        """The name on the command line: the class name in kebab case."""
        return kebab_case(cls.__name__)

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    def used_papers(self) -> tuple[str, ...]:
        """BibTeX keys of this configuration: the method's own and those of its parts."""
        return tuple(dict.fromkeys((*self.papers, *self.parts().papers)))

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
        placed = parts.neurons.place(prepared, bounds)
        spiking = parts.neurons.finish(parts.neurons.refine(prepared, placed, batches), batches.first)
        provenance = Provenance(self.name(), dataclasses.asdict(self), self.used_papers())
        return SNN(spiking, provenance=provenance, readout=self.read_out(spiking, batches))

    def _require(self, ok: bool, option: str, wanted: str) -> None:
        """Refuse an option outside its range."""
        if not ok:
            value: Any = getattr(self, option)
            raise OptionError(f"{self.name()}: {option} must be {wanted}, got {value!r}")


WORDINGS = {int: "a whole number", float: "a number", bool: "true or false", str: "a name", type(None): "None"}
"""Types of options as a message names them."""


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of a field's type; a whole number is a number, and a truth value is neither."""
    if isinstance(hint, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return isinstance(value, str) and value in typing.get_args(hint)
    return type(value) in ((int, float) if hint is float else (hint,))


def _wording(hint: Any) -> str:
    choices = typing.get_args(hint)
    return " or ".join(map(_wording, choices)) if choices else WORDINGS.get(hint, str(hint))


M = TypeVar("M", bound=Method)

methods: Registry[type[Method]] = Registry("method")
"""Conversion methods by name."""


def register(method: type[M]) -> type[M]:
    """Class decorator: make a method known to the command line, the law tests and the benchmark."""
    methods.register(method.name(), method)
    return method
