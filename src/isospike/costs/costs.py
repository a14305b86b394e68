"""What a run of a spiking network costs: exact sums over all images, shown as means per image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any

from isospike.costs.energy import Energy, EnergyModel
from isospike.costs.tables import amounts_table
from isospike.messages import counted
from isospike.tables import Column, Table, Tabular

INPUT = "(input)"
"""In the place of a site: multiply-accumulates with values of the image."""
CURRENTS = "(currents)"
"""In the place of a site: multiply-accumulates with currents or the outputs of analogue islands."""


@dataclass(frozen=True)
class Amounts(Tabular):
    """Means per image."""

    spikes: float
    """What the events of the sites are worth: an event of several levels counts as many."""
    packets: float
    """How many events there are."""
    synops: float
    """Synaptic operations: events times the synapses that each goes through; see `isospike.account`."""
    synops_by_rate: float
    """The estimate of the papers beside it: events per neuron times multiply-accumulates of the op behind."""
    macs: float
    """Multiply-accumulates with values that are no spikes."""
    neuron_updates: float
    """Changes or comparisons of a neuron's membrane, beside the additions of its input."""
    weight_bytes: float
    """Weights read: one for every synaptic operation and multiply-accumulate."""
    membrane_bytes: float
    """Membrane potentials: one read and one written for every neuron update."""

    def table(self) -> Table:
        """One row."""
        return amounts_table("amounts", Column("part", "Part"), "costs of one image", amounts={"total": asdict(self)})

    def energy(self, model: EnergyModel) -> Energy:
        """Energy in pJ, in parts."""
        return model.energy(
            synops=self.synops,
            macs=self.macs,
            neuron_updates=self.neuron_updates,
            traffic_bytes=self.weight_bytes + self.membrane_bytes,
        )


@dataclass(frozen=True)
class CostEntry:
    """One cell of an account, summed over all images: what the events of one site cost at one op."""

    site: str
    op: str
    spikes: int = 0
    packets: int = 0
    synops: int = 0
    synops_by_rate: Fraction = Fraction(0)
    macs: int = 0
    neuron_updates: int = 0


@dataclass(frozen=True)
class Costs(Tabular):
    """The account of a network after a number of steps; all figures are means per image."""

    steps: int
    """Number of steps T; of an accumulate-then-emit network its longest train."""
    images: int
    """Number of images."""
    entries: tuple[CostEntry, ...]
    """The cells, exact."""
    spike_sums: dict[str, tuple[int, ...]]
    """Per site the spikes of every step, summed over all images."""
    packet_sums: dict[str, tuple[int, ...]]
    """The same for events."""
    value_bytes: int
    """Bytes of a weight or membrane potential in the network's number format."""
    left_out: tuple[str, ...]
    """See `not_counted`."""

    def total(self) -> Amounts:
        """Everything."""
        return self._amounts(self.entries)

    def by_site(self) -> dict[str, Amounts]:
        """By the site whose events cause it; what is no event is under ``(input)`` and ``(currents)``.

        Max pools of spike trains send events of their own and have an entry of their own, without spikes.
        """
        return self._grouped(lambda entry: entry.site)

    def by_op(self) -> dict[str, Amounts]:
        """By the op that receives it; spikes and neuron updates are those of the neurons by this name."""
        return self._grouped(lambda entry: entry.op)

    def spikes_by_step(self) -> dict[str, tuple[float, ...]]:
        """Per site the spikes of every step."""
        return {site: tuple(count / self.images for count in counts) for site, counts in self.spike_sums.items()}

    def packets_by_step(self) -> dict[str, tuple[float, ...]]:
        """Per site the events of every step."""
        return {site: tuple(count / self.images for count in counts) for site, counts in self.packet_sums.items()}

    def not_counted(self) -> tuple[str, ...]:
        """Every op whose cost is left out, in words, and why."""
        return self.left_out

    def energy(self, model: EnergyModel) -> Energy:
        """Energy of one image in pJ, in parts."""
        return self.total().energy(model)

    def table(self) -> Table:
        """The whole network, then each site."""
        whole = {"whole network": self.total(), **self.by_site()}
        amounts = {name: asdict(found) for name, found in whole.items()}
        title = f"costs of one image after T={self.steps}, means over {counted(self.images, 'image')}"
        lacking = "\n".join(f"not counted: {what}" for what in self.left_out)
        return amounts_table("costs", Column("site", "Site"), title, amounts=amounts, note=lacking)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: the documented object of one number of steps of ``isospike account --json``."""
        return {
            "steps": self.steps,
            "images": self.images,
            "total": asdict(self.total()),
            "by_site": {name: asdict(amounts) for name, amounts in self.by_site().items()},
            "by_op": {name: asdict(amounts) for name, amounts in self.by_op().items()},
            "spikes_by_step": {site: list(counts) for site, counts in self.spikes_by_step().items()},
            "packets_by_step": {site: list(counts) for site, counts in self.packets_by_step().items()},
            "not_counted": list(self.left_out),
        }

    def _grouped(self, key: Callable[[CostEntry], str]) -> dict[str, Amounts]:
        groups: dict[str, list[CostEntry]] = {}
        for entry in self.entries:
            groups.setdefault(key(entry), []).append(entry)
        return {name: self._amounts(group) for name, group in groups.items()}

    def _amounts(self, entries: Iterable[CostEntry]) -> Amounts:
        sums: dict[str, Any] = {field.name: 0 for field in fields(CostEntry) if field.name not in ("site", "op")}
        for entry in entries:
            for name in sums:
                sums[name] += getattr(entry, name)
        sums["weight_bytes"] = self.value_bytes * (sums["synops"] + sums["macs"])
        sums["membrane_bytes"] = self.value_bytes * 2 * sums["neuron_updates"]
        return Amounts(**{name: float(Fraction(count) / self.images) for name, count in sums.items()})
