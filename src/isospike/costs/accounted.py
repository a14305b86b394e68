"""An account of a network beside its ANN and the quantised ones: the object of ``isospike account --json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from isospike.costs.amounts import Amounts
from isospike.costs.costs import Costs
from isospike.costs.efficiency import frames_per_second_per_watt
from isospike.costs.energy import Energy, EnergyModel
from isospike.costs.memory import Memory
from isospike.costs.reference import Reference
from isospike.options import Some
from isospike.results import IfKnown, Result


@dataclass(frozen=True)
class AnnCosts(Result):
    """The ANN of a network."""

    macs: IfKnown[int]
    """Multiply-accumulates of one image, without those with the zeros of a padding: those of its energy."""
    macs_with_padding: IfKnown[int]
    """With these, as papers count them."""
    energy_pj: Energy
    """Energy of one image in pJ."""


@dataclass(frozen=True)
class QuantisedAnnCosts(Result):
    """The quantised ANN of as many levels."""

    bits: IfKnown[dict[str, int]]
    """Bits of the activations, by site."""
    energy_pj: Energy
    """Energy of one image in pJ."""


@dataclass(frozen=True)
class CostsAtSteps(Result):
    """What one image costs at one number of steps T."""

    total: Amounts
    """Everything."""
    by_site: dict[str, Amounts]
    """By the site whose events cause it; multiply-accumulates under ``(input)`` and ``(currents)``."""
    by_op: dict[str, Amounts]
    """By the op that receives it."""
    spikes_by_step: IfKnown[dict[str, tuple[float, ...]]]
    """By site the spikes of every step."""
    packets_by_step: IfKnown[dict[str, tuple[float, ...]]]
    """By site the events of every step."""
    energy_pj: Energy
    """Energy in pJ."""
    frames_per_second_per_watt: IfKnown[float | None]
    """Images for each joule; ``None`` for no energy."""
    quantised_ann: IfKnown[QuantisedAnnCosts]
    """The bit-matched quantised ANN."""
    bit_serial_ann: IfKnown[QuantisedAnnCosts]
    """The same bit by bit."""


@dataclass(frozen=True)
class Account(Result):
    """What a network costs at every asked number of steps; all figures are means per image."""

    images: int
    """Number of images."""
    energy_model: EnergyModel
    """Where the energies are from."""
    ann: IfKnown[AnnCosts]
    """Its ANN."""
    snn: Annotated[dict[int, CostsAtSteps], Some()]
    """By the number of steps T."""
    not_counted: tuple[str, ...]
    """What no figure includes, in words."""
    memory: IfKnown[Memory]
    """Bytes of its tensors."""


def accounted(found: Mapping[int, Costs], *, reference: Reference, model: EnergyModel, memory: Memory) -> Account:
    """Costs after several numbers of steps, beside what the network competes with."""
    last = found[max(found)]
    return Account(
        images=last.images,
        energy_model=model,
        ann=AnnCosts(reference.macs, reference.macs_with_padding, reference.energy(model)),
        snn={steps: _at_steps(costs, reference, model) for steps, costs in found.items()},
        not_counted=(*last.not_counted(), *model.left_out()),
        memory=memory,
    )


def _at_steps(costs: Costs, reference: Reference, model: EnergyModel) -> CostsAtSteps:
    energy, bits = costs.energy(model), reference.bits(costs.steps)
    return CostsAtSteps(
        total=costs.total(),
        by_site=costs.by_site(),
        by_op=costs.by_op(),
        spikes_by_step=costs.spikes_by_step(),
        packets_by_step=costs.packets_by_step(),
        energy_pj=energy,
        frames_per_second_per_watt=frames_of(energy),
        quantised_ann=QuantisedAnnCosts(bits, reference.quantised_energy(model, costs.steps)),
        bit_serial_ann=QuantisedAnnCosts(bits, reference.bit_serial_energy(model, costs.steps)),
    )


def frames_of(energy: Energy) -> float | None:
    """Images for each joule; ``None`` for no energy."""
    return frames_per_second_per_watt(energy.total) if energy.total else None
