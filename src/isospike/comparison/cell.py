"""One method at one number of steps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from isospike.methods import Method, methods
from isospike.tables import Column, Table, Tabular
from isospike.tasks import Interval, plain_interval, read_interval

COUNTS = ("spikes", "packets", "synops", "macs", "neuron_updates")
"""What is counted."""
NETWORKS = {"energy_pj": "spiking", "quantised_energy_pj": "quantised ANN"}
"""Whose energies are known."""


@dataclass(frozen=True)
class Cell(Tabular):
    """What a network did on the test images; numbers of events and operations are means per image."""

    label: str
    """The row: what the caller calls the method."""
    method: str
    """Name of the conversion method."""
    options: dict[str, Any]
    """Its options; with them the network can be made again."""
    papers: tuple[str, ...]
    """BibTeX keys of what was used."""
    steps: int
    """Number of time steps T."""
    score: float | None
    """The task's figure against the targets; ``None`` without targets. The comparison says what it means."""
    agreement: float
    """The task's figure against the ANN's answers."""
    interval: Interval | None
    """Interval of 95 % of what networks are ranked by: the score, or without targets the agreement."""
    spikes: float
    """What the events of all sites are worth."""
    packets: float
    """How many events there are."""
    synops: float
    """Synaptic operations."""
    macs: float
    """Multiply-accumulates of what is not driven by spikes."""
    neuron_updates: float
    """Updates of membrane potentials."""
    energy_pj: dict[str, float]
    """Picojoules by energy model."""
    quantised_energy_pj: dict[str, float]
    """Of the quantised ANN with as many levels, by energy model."""
    conversion_seconds: float
    """Wall time of the conversion, without the pass over the calibration data that the methods share."""
    seconds: float
    """Wall time of the runs on the test images, to the largest T where one run gives several."""

    @property
    def value(self) -> float:
        """What networks are ranked by: the score, or without targets the agreement."""
        return self.agreement if self.score is None else self.score

    def table(self) -> Table:
        """Its numbers, a row for each; how many images they are means over is the comparison's to say."""
        rows: list[tuple[str, float | None]] = [
            ("score", self.score),
            ("agreement with the ANN", self.agreement),
            *((f"{name.replace('_', ' ')} per image", getattr(self, name)) for name in COUNTS),
            *(
                (f"µJ per image by {model}, {word}", 1e-6 * pj)
                for key, word in NETWORKS.items()
                for model, pj in getattr(self, key).items()
            ),
        ]
        columns = (Column("what", "figure"), Column("value", "value", "", 4))
        return Table("cell", f"{self.label} at T={self.steps}", columns, tuple(rows))

    def configuration(self) -> Method:
        """The method with these options; it converts the network again."""
        return methods[self.method](**{name: _tupled(value) for name, value in self.options.items()})

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "papers": list(self.papers), "interval": plain_interval(self.interval)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Cell:
        """From `to_dict`; an energy that is null is left out."""
        given = {field.name: values[field.name] for field in fields(cls)}
        energies = {name: known_energies(values[name]) for name in ("energy_pj", "quantised_energy_pj")}
        plain = {"papers": tuple(values["papers"]), "interval": read_interval(values["interval"])}
        return cls(**{**given, **energies, **plain})


@dataclass(frozen=True)
class Failure:
    """A method that cannot convert or run this network."""

    label: str
    """The row."""
    steps: int | None
    """Number of steps it was made for; ``None``: none in particular."""
    error: str
    """What was wrong, in one line."""


def known_energies(energies: dict[str, float | None]) -> dict[str, float]:
    """Those that are no null."""
    return {name: energy for name, energy in energies.items() if energy is not None}


def _tupled(value: Any) -> Any:
    """A list of JSON as the tuple that an option is."""
    return tuple(value) if isinstance(value, list) else value
