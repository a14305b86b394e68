"""What a run of a spiking network costs: exact sums over all images, shown as means per image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from isospike.costs.amounts import Amounts, amounts_table
from isospike.costs.energy import Energy, EnergyModel
from isospike.messages import counted
from isospike.results import Inner, Result, derived
from isospike.tables import Column, Table, Tabular

INPUT = "(input)"
"""In the place of a site: multiply-accumulates with values of the image."""
CURRENTS = "(currents)"
"""In the place of a site: multiply-accumulates with currents or the outputs of analogue islands."""


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
class Costs(Tabular, Result):
    """The account of a network after a number of steps; all figures are means per image."""

    steps: int
    """Number of steps T; of an accumulate-then-emit network its longest train."""
    images: int
    """Number of images."""
    entries: Inner[tuple[CostEntry, ...]]
    """The cells, exact."""
    spike_sums: Inner[dict[str, tuple[int, ...]]]
    """Per site the spikes of every step, summed over all images."""
    packet_sums: Inner[dict[str, tuple[int, ...]]]
    """The same for events."""
    value_bytes: Inner[int]
    """Bytes of a weight or membrane potential in the network's number format."""
    left_out: Inner[tuple[str, ...]]
    """See `not_counted`."""

    @derived()
    def total(self) -> Amounts:
        """Everything."""
        return self._amounts(self.entries)

    @derived()
    def by_site(self) -> dict[str, Amounts]:
        """By the site whose events cause it; what is no event is under ``(input)`` and ``(currents)``.

        Max pools of spike trains send events of their own and have an entry of their own, without spikes.
        """
        return self._grouped(lambda entry: entry.site)

    @derived()
    def by_op(self) -> dict[str, Amounts]:
        """By the op that receives it; spikes and neuron updates are those of the neurons by this name."""
        return self._grouped(lambda entry: entry.op)

    @derived()
    def spikes_by_step(self) -> dict[str, tuple[float, ...]]:
        """Per site the spikes of every step."""
        return {site: tuple(count / self.images for count in counts) for site, counts in self.spike_sums.items()}

    @derived()
    def packets_by_step(self) -> dict[str, tuple[float, ...]]:
        """Per site the events of every step."""
        return {site: tuple(count / self.images for count in counts) for site, counts in self.packet_sums.items()}

    @derived()
    def not_counted(self) -> tuple[str, ...]:
        """Every op whose cost is left out, in words, and why."""
        return self.left_out

    def energy(self, model: EnergyModel) -> Energy:
        """Energy of one image in pJ, in parts."""
        return self.total().energy(model)

    def table(self) -> Table:
        """The whole network, then each site."""
        whole = {"whole network": self.total(), **self.by_site()}
        amounts = {name: found.to_dict() for name, found in whole.items()}
        title = f"costs of one image after T={self.steps}, means over {counted(self.images, 'image')}"
        lacking = "\n".join(f"not counted: {what}" for what in self.left_out)
        return amounts_table("costs", Column("site", "Site"), title, amounts=amounts, note=lacking)

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
