"""What the network competes with: its ANN, and the ANN quantised to as many bits, in parallel or bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from isospike.costs.energy import Energy, EnergyModel
from isospike.costs.trace import trace
from isospike.costs.wiring import Connection, Wiring
from isospike.network import SNN
from isospike.neurons import Kind, Neuron
from isospike.tables import Column, Table, Tabular


@dataclass(frozen=True)
class Reference(Tabular):
    """The ANN of a spiking network, and its quantised twins.

    The *bit-matched quantised ANN* has activations of ``ceil(log2(K + 1))`` bits, K the number of levels that the
    neurons of a site can tell: those of an accumulate-then-emit neuron, T times the largest spike for a rate code of T
    steps. Its weights have the width of the energy model, and so has what is no activation: the image, and currents.

    The *bit-serial ANN* has the same activations and no multiplier: one addition of the weight for every bit of the
    activation, one or zero. A bit-coded network does those of the ones alone.
    """

    wiring: Wiring
    """Of the network: the products of the ANN are its synapses."""
    levels: dict[str, int]
    """By site the levels of a code, or, of a rate code, those of one step."""
    rate_coded: bool
    """Whether the levels grow with the number of steps."""
    probe: int
    """Steps in which neurons only probe."""
    value_bytes: int
    """Bytes of a weight or an activation of the ANN."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image, without those with the zeros of a padding: as synapses are counted."""
        return sum(connection.dense for connection in self.wiring.connections)

    @property
    def macs_with_padding(self) -> int:
        """Multiply-accumulates as papers count them, layers of a factor per channel left out."""
        return sum({connection.op: connection.padded for connection in self.wiring.connections}.values())

    def bits(self, steps: int) -> dict[str, int]:
        """By site, bits of the quantised ANN's activations that match a run of ``steps`` steps."""
        time = max(steps - self.probe, 1) if self.rate_coded else 1
        return {site: (time * levels).bit_length() for site, levels in self.levels.items()}

    def table(self) -> Table:
        """The neurons of every site and the levels that they can tell."""
        columns = (Column("site", "Site"), Column("neurons", "Neurons", "", 0), Column("levels", "Levels", "", 0))
        rows = tuple((site, self.wiring.neurons[site], levels) for site, levels in self.levels.items())
        note = f"with the zeros of paddings {self.macs_with_padding:,}" + ("; levels of one step" * self.rate_coded)
        return Table("reference", f"ANN of {self.macs:,} MACs per image", columns, rows, note)

    def energy(self, model: EnergyModel) -> Energy:
        """Energy of one image of the ANN in pJ; weights are read once per product, activations written and read."""
        activations = sum(self.wiring.neurons[site] for site in self.levels)
        traffic = self.value_bytes * (self.macs + 2 * activations)
        return model.energy(synops=0, macs=self.macs, traffic_bytes=traffic)

    def quantised_energy(self, model: EnergyModel, steps: int) -> Energy:
        """Energy of one image of the bit-matched quantised ANN in pJ; see `EnergyModel.quantised_mac_pj`.

        Its weights are read as they are multiplied, in the width of the model, whatever the network's number format.
        """
        bits = self.bits(steps)
        macs = sum(
            connection.spiking * model.quantised_mac_pj(width) + (connection.dense - connection.spiking) * model.mac_pj
            for connection, width in self._widths(model, bits)
        )
        return replace(model.energy(synops=0, macs=0, traffic_bytes=self._traffic(model, bits)), macs=macs)

    def bit_serial_energy(self, model: EnergyModel, steps: int) -> Energy:
        """Energy of one image of the bit-serial ANN in pJ: an addition for every bit of every activation's products.

        What is no activation is multiplied, as in the quantised ANN; so is its traffic, as weights stay in a register
        while the bits come.
        """
        bits = self.bits(steps)
        additions = sum(connection.spiking * width for connection, width in self._widths(model, bits))
        rest = sum(connection.dense - connection.spiking for connection in self.wiring.connections)
        return model.energy(synops=additions, macs=rest, traffic_bytes=self._traffic(model, bits))

    def rivals(self, model: EnergyModel, steps: int) -> dict[str, float]:
        """Energy in pJ of one image of every network that the spiking one competes with, by its name."""
        return {
            "ANN": self.energy(model).total,
            "quantised ANN": self.quantised_energy(model, steps).total,
            "bit-serial ANN": self.bit_serial_energy(model, steps).total,
        }

    def _traffic(self, model: EnergyModel, bits: dict[str, int]) -> float:
        """Bytes of weights, read once per product in the model's width, and of activations, written and read."""
        activations = sum(self.wiring.neurons[site] * bits[site] / 8 for site in bits)
        return model.bits / 8 * self.macs + 2 * activations

    def _widths(self, model: EnergyModel, bits: dict[str, int]) -> Iterator[tuple[Connection, int]]:
        """Every op with the bits of the activations that it reads.

        Of several sites the one with the most bits counts; a max pool of trains counts as any site.
        """
        largest = max(bits.values())
        for connection in self.wiring.connections:
            yield connection, max((bits.get(source, largest) for source in connection.fan_out), default=model.bits)


def reference_costs(snn: SNN) -> Reference:
    """The ANN of a network, its bit-matched quantised ANN and the same bit by bit; no image is needed."""
    return Reference(
        wiring=trace(snn),
        levels={site: _levels(snn.neuron(site)) for site in snn.sites},
        rate_coded=snn.kind is Kind.STREAMING,
        probe=snn.probe,
        value_bytes=snn.reference_tensor.element_size(),
    )


def _levels(neuron: Neuron) -> int:
    """Levels beside zero: at a signed site on both sides of it."""
    return 2 * neuron.most_units if neuron.is_signed else neuron.most_units
