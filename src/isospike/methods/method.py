"""A conversion method: a named combination of parts."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from isospike.methods.parts import Parts
from isospike.options import Configuration
from isospike.registry import Registry, kebab_case


@dataclass(frozen=True, kw_only=True)
class Method(Configuration, ABC):
    """The instance is the configuration; a subclass names its parts."""

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
        """The configurations that answer at some of ``steps``, each with those that it answers at.

        No number at all stands for the one that a network has by itself.
        """
        return ((self, tuple(steps)),)

    def steps_needed(self) -> str:
        """At which numbers of steps it answers, in words, where `for_steps` has none."""
        return "it needs other numbers of steps"

    @property
    def horizons(self) -> tuple[int | None, ...]:
        """The numbers of steps T that a network is made for, rising; ``None``: it is made for none in particular."""
        return (None,)


M = TypeVar("M", bound=Method)

methods: Registry[type[Method]] = Registry("method")
"""Conversion methods by name."""


def register(method: type[M]) -> type[M]:
    """Class decorator: make a method known to the command line, the law tests and the benchmark."""
    methods.register(method.name(), method)
    return method
