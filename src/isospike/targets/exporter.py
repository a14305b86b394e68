"""Files that a network can be written to: a class for each format, found by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from isospike.network import SNN
from isospike.options import Configuration
from isospike.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Exporter(Configuration, ABC):
    """Writes networks to files of one format; the instance is the configuration.

    A subclass is a frozen dataclass. Its fields are options of the format, in Python and on the command line alike.
    """

    suffix: ClassVar[str]
    """How names of its files end, with the dot."""

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @abstractmethod
    def write(self, snn: SNN, path: Path) -> None:
        """Write a network.

        Args:
            snn: the network; it is not changed.
            path: a new file, which takes the place of the user's when this returns.

        Raises:
            ArtefactError: the format has no words for something in the network; everything is listed.
        """


E = TypeVar("E", bound=Exporter)

exporters: Registry[type[Exporter]] = Registry("format")
"""Formats by name."""


def register_exporter(name: str) -> Callable[[type[E]], type[E]]:
    """Class decorator: make a format known to `isospike.export` and to the command line."""

    def register(exporter: type[E]) -> type[E]:
        exporters.register(name, exporter)
        return exporter

    return register
