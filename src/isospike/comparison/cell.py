"""One method at one number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from isospike.costs.amounts import Macs, NeuronUpdates, Packets, Spikes, Synops
from isospike.methods import Method, methods
from isospike.options import Count, Range
from isospike.results import Before, Shown, Stored, columns_of
from isospike.tables import Column, Table, Tabular
from isospike.tasks import INTERVAL, Interval

NETWORKS = {"energy_pj": "spiking", "quantised_energy_pj": "quantised ANN"}
"""Whose energies are known."""


@dataclass(frozen=True)
class Cell(Tabular, Stored):
    """What a network did on the test images; numbers of events and operations are means per image."""

    label: Annotated[str, Shown("Method")]
    """The row: what the caller calls the method."""
    method: str
    """Name of the conversion method."""
    options: dict[str, Any]
    """Its options; with them the network can be made again."""
    papers: tuple[str, ...]
    """BibTeX keys of what was used."""
    steps: Annotated[Count, Shown("T", "", 0)]
    """Number of time steps T."""
    score: Annotated[float | None, Shown("Score")]
    """The task's figure against the targets; ``None`` without targets. The comparison says what it means."""
    agreement: Annotated[float, Range(), Shown("Agreement", "with ANN")]
    """The task's figure against the ANN's answers."""
    interval: Annotated[Interval | None, INTERVAL, Before("agreement")]
    """Interval of 95 % of what networks are ranked by: the score, or without targets the agreement."""
    spikes: Spikes
    """What the events of all sites are worth."""
    packets: Packets
    """How many events there are."""
    synops: Synops
    """Synaptic operations."""
    macs: Macs
    """Multiply-accumulates of what is not driven by spikes."""
    neuron_updates: NeuronUpdates
    """Updates of membrane potentials."""
    energy_pj: Annotated[dict[str, float], Shown("Energy"), Before("spikes")]
    """Picojoules by energy model."""
    quantised_energy_pj: Annotated[dict[str, float], Shown("Quantised ANN"), Before("spikes")]
    """Of the quantised ANN with as many levels, by energy model."""
    conversion_seconds: Annotated[float, Shown("Conversion", "s", 1)]
    """Wall time of the conversion, without the pass over the calibration data that the methods share."""
    seconds: Annotated[float, Shown("Simulation", "s", 1)]
    """Wall time of the runs on the test images, to the largest T where one run gives several."""

    @property
    def value(self) -> float:
        """What networks are ranked by: the score, or without targets the agreement."""
        return self.agreement if self.score is None else self.score

    def table(self) -> Table:
        """Its numbers, a row for each; how many images they are means over is the comparison's to say."""
        counts = [column.key for column in columns_of(Cell) if column.unit == "/image"]
        rows: list[tuple[str, float | None]] = [
            ("score", self.score),
            ("agreement with the ANN", self.agreement),
            *((f"{name.replace('_', ' ')} per image", getattr(self, name)) for name in counts),
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


@dataclass(frozen=True)
class Failure(Stored):
    """A method that cannot convert or run this network."""

    label: Annotated[str, Shown("Method")]
    """The row."""
    steps: Annotated[int | None, Shown("T", "", 0)]
    """Number of steps it was made for; ``None``: none in particular."""
    error: Annotated[str, Shown("Reason", long=True)]
    """What was wrong, in one line."""


def _tupled(value: Any) -> Any:
    """A list of JSON as the tuple that an option is."""
    return tuple(value) if isinstance(value, list) else value
