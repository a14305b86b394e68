"""A conversion method: a named combination of parts."""

from __future__ import annotations

import dataclasses
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import audible, silent_channels
from isospike.capture.graph import Graph, changed_tensors
from isospike.errors import OptionError
from isospike.methods.parts import Parts
from isospike.methods.thresholds import Thresholds
from isospike.network import SNN, Provenance, ReadOut, network_of
from isospike.refine.refinement import Calibration
from isospike.registry import Registry, kebab_case


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """The instance is the configuration; a subclass names its parts and, if need be, its read-out."""

    papers: ClassVar[tuple[str, ...]] = ()
    """BibTeX keys in ``references.bib``; empty for methods of this project."""
    needs: ClassVar[str] = "calibration images"
    """What has to be given, in words."""
    needs_training: ClassVar[bool] = False
    """Whether its defaults refuse networks without learned bounds."""
    rises_with: ClassVar[str | None] = None
    """The option of which more raises every threshold towards the largest activation; ``None``: there is none."""

    def __post_init__(self) -> None:
        """Check the types; a subclass checks the ranges after it.

        Raises:
            OptionError: a value is not of its field's type.
        """
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            hint, value = hints[field.name], getattr(self, field.name)
            if _has_tuples(hint) and isinstance(value, list):  # as JSON has them
                object.__setattr__(self, field.name, tuple(value))
            self._require(_fits(getattr(self, field.name), hint), field.name, _wording(hint))

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
            return network_of(spiking, provenance=provenance, readout=readout)
        sets = {steps: changed_tensors(placed, refined) for steps, (_, refined, _) in made.items() if steps is not None}
        return network_of(placed, provenance=provenance, readout=readout, sets=sets)

    def _spiking(self, calibration: Calibration, thresholds: Thresholds) -> tuple[Graph, Graph, dict[str, int]]:
        """The graph with neurons, the same refined, and the number of silent channels of every site that has some."""
        parts = self.parts_for(calibration.steps)
        prepared, bounds = thresholds.prepared(parts), thresholds.of(parts)
        placed = parts.neurons.place(prepared, audible(bounds))
        refined = placed
        for refinement in parts.refinements:
            refined = refinement.refine(prepared, refined, calibration)
        return placed, refined, silent_channels(bounds)

    def _require_whole(self, option: str, least: int, most: float = float("inf")) -> None:
        """Refuse a whole number outside a range."""
        value = getattr(self, option)
        wanted = f"a whole number >= {least}" if most == float("inf") else f"a whole number from {least} to {most}"
        self._require(value is None or least <= value <= most, option, wanted)

    def _require(self, ok: bool, option: str, wanted: str) -> None:
        """Refuse an option outside its range."""
        if not ok:
            value: Any = getattr(self, option)
            raise OptionError(f"{self.name()}: {option} must be {wanted}, got {value!r}")


WORDINGS = {int: "a whole number", float: "a number", bool: "true or false", str: "a name", type(None): "None"}
"""Types of options as a message names them."""


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of a field's type; a whole number is a number, and a truth value is neither."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return isinstance(value, str) and value in typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(item, typing.get_args(hint)[0]) for item in value)
    return type(value) in ((int, float) if hint is float else (hint,))


def _has_tuples(hint: Any) -> bool:
    return tuple in {typing.get_origin(part) for part in (hint, *typing.get_args(hint))}


def _wording(hint: Any) -> str:
    if typing.get_origin(hint) is tuple:
        return "a tuple, each " + _wording(typing.get_args(hint)[0])
    choices = typing.get_args(hint)
    return " or ".join(map(_wording, choices)) if choices else WORDINGS.get(hint, str(hint))


M = TypeVar("M", bound=Method)

methods: Registry[type[Method]] = Registry("method")
"""Conversion methods by name."""


def register(method: type[M]) -> type[M]:
    """Class decorator: make a method known to the command line, the law tests and the benchmark."""
    methods.register(method.name(), method)
    return method
