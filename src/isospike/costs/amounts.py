"""What is counted of a network, as means per image; each count has the column that shows it, wherever it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from isospike.costs.energy import Energy, EnergyModel
from isospike.results import Before, IfKnown, Shown, Stored, columns_of
from isospike.tables import Column, Table, Tabular

Spikes = Annotated[float, Shown("Spikes", "/image", 0)]
"""What the events of all sites are worth."""
Packets = Annotated[float, Shown("Packets", "/image", 0)]
"""How many events there are."""
Synops = Annotated[float, Shown("Synops", "/image", 0)]
"""Synaptic operations."""
Macs = Annotated[float, Shown("MACs", "/image", 0)]
"""Multiply-accumulates of what is not driven by spikes."""
NeuronUpdates = Annotated[float, Shown("Neuron updates", "/image", 0)]
"""Updates of membrane potentials."""


@dataclass(frozen=True)
class Amounts(Tabular, Stored):
    """Means per image."""

    spikes: IfKnown[Spikes]
    """What the events of the sites are worth: an event of several levels counts as many."""
    packets: IfKnown[Annotated[Packets, Before("weight_bytes")]]
    """How many events there are."""
    synops: IfKnown[Synops]
    """Synaptic operations: events times the synapses that each goes through; see `isospike.account`."""
    synops_by_rate: IfKnown[Annotated[float, Shown("Synops by mean rate", "/image", 0)]]
    """The estimate of the papers beside it: events per neuron times multiply-accumulates of the op behind."""
    macs: IfKnown[Macs]
    """Multiply-accumulates with values that are no spikes."""
    neuron_updates: IfKnown[NeuronUpdates]
    """Changes or comparisons of a neuron's membrane, beside the additions of its input."""
    weight_bytes: IfKnown[Annotated[float, Shown("Weights read", "bytes/image", 0)]]
    """Weights read: one for every synaptic operation and multiply-accumulate."""
    membrane_bytes: IfKnown[Annotated[float, Shown("Membranes", "bytes/image", 0)]]
    """Membrane potentials: one read and one written for every neuron update."""

    def table(self) -> Table:
        """One row."""
        return amounts_table("amounts", Column("part", "Part"), "costs of one image", amounts={"total": self.to_dict()})

    def energy(self, model: EnergyModel) -> Energy:
        """Energy in pJ, in parts."""
        return model.energy(
            synops=self.synops,
            macs=self.macs,
            neuron_updates=self.neuron_updates,
            traffic_bytes=self.weight_bytes + self.membrane_bytes,
        )


def amounts_table(
    name: str, first: Column, title: str, *, amounts: Mapping[str, Mapping[str, Any]], note: str = ""
) -> Table:
    """One row for each name: the counts that are known of one at least."""
    known = [column for column in columns_of(Amounts) if any(column.key in found for found in amounts.values())]
    rows = tuple((key, *(found.get(column.key) for column in known)) for key, found in amounts.items())
    return Table(name, title, (first, *known), rows, note)
