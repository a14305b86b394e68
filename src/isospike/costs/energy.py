"""Energy models: what one operation takes, as data with a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from isospike.errors import EnergyModelError, IsospikeError
from isospike.options import Configuration, Range, Text
from isospike.results import Before, IfKnown, Shown, Stored, derived
from isospike.tables import Column, Table, Tabular
from isospike.units import energy_unit


@dataclass(frozen=True)
class Energy(Tabular, Stored):
    """Energy of one image in pJ, in parts."""

    synops: IfKnown[float]
    """Of synaptic operations, one accumulation each."""
    macs: IfKnown[float]
    """Of multiply-accumulates."""
    neuron_updates: IfKnown[float | None]
    """Of neuron updates; ``None``: the model has no figure for them."""
    traffic: IfKnown[float | None]
    """Of reading weights and membranes; ``None``: the model has no figure for it."""

    @property
    @derived()
    def total(self) -> IfKnown[float]:
        """The sum of the parts that are known."""
        return self.synops + self.macs + (self.neuron_updates or 0.0) + (self.traffic or 0.0)

    def table(self) -> Table:
        """One row for each part, and the total."""
        unit = energy_unit([self.total])
        columns = (Column("part", "Part"), Column("energy_pj", "Energy", f"{unit.name}/image", 2, factor=unit.factor))
        return Table("energy", "energy of one image", columns, tuple(self.to_dict().items()))


Figure = Annotated[float, Range(0, unit="pJ")]
"""Energy of something that may cost nothing."""
Operation = Annotated[float, Range(above=0, unit="pJ")]
"""Energy of something that costs some."""
LACKING = {"update_pj": "neuron updates", "byte_pj": "reading and writing weights and membranes"}
"""What a model without these figures leaves out."""


@dataclass(frozen=True)
class EnergyModel(Configuration, Stored):
    """Energies of operations, and where the figures are from."""

    error: ClassVar[type[IsospikeError]] = EnergyModelError

    name: Text
    """Its name."""
    source: Text
    """Where the figures are from, and for which hardware they hold."""
    mac_pj: Annotated[Operation, Shown("multiply-accumulate", "pJ")]
    """Energy of one multiply-accumulate in pJ."""
    ac_pj: Annotated[Operation, Shown("synaptic operation", "pJ")]
    """Energy of one synaptic operation (accumulation) in pJ."""
    bits: IfKnown[Annotated[int, Range(1, 64), Shown("bits of an operand")]]
    """Bits of the operands for which ``mac_pj`` holds."""
    mult_pj: IfKnown[
        Annotated[Figure | None, Shown("the multiplication of a multiply-accumulate", "pJ"), Before("bits")]
    ] = None
    """The part of ``mac_pj`` that is the multiplication; ``None``: not known, the whole counts as one."""
    update_pj: IfKnown[Annotated[Figure | None, Shown("neuron update", "pJ"), Before("bits")]] = None
    """Energy of one neuron update in pJ; ``None``: not known, left out."""
    byte_pj: IfKnown[
        Annotated[Figure | None, Shown("byte of weights or membranes read or written", "pJ"), Before("bits")]
    ] = None
    """Energy of one byte of weights or membranes read or written in pJ; ``None``: not known, left out."""
    papers: IfKnown[tuple[str, ...]] = ()
    """BibTeX keys of the sources."""

    @classmethod
    def title(cls) -> str:
        """Nothing: the file says which model it is."""
        return ""

    def __post_init__(self) -> None:
        """Refuse a part that is larger than the whole."""
        super().__post_init__()
        whole = self.mult_pj is None or self.mult_pj <= self.mac_pj
        self.require(whole, "mult_pj", f"a part of mac_pj, {self.mac_pj:g}")

    def energy(self, *, synops: float, macs: float, neuron_updates: float = 0, traffic_bytes: float = 0) -> Energy:
        """Energy in pJ of numbers of operations, in parts."""
        return Energy(
            synops=synops * self.ac_pj,
            macs=macs * self.mac_pj,
            neuron_updates=_times(neuron_updates, self.update_pj),
            traffic=_times(traffic_bytes, self.byte_pj),
        )

    def quantised_mac_pj(self, bits: int) -> float:
        """Energy in pJ of a multiply-accumulate with an activation of fewer bits.

        An array multiplier has one cell per pair of bits, so the energy of the multiplication is taken to be
        proportional to the product of both widths; the weight keeps its width, the addition its energy:
        ``mac_pj - mult_pj + mult_pj * min(bits, w) / w``, ``w`` the width of the model. Of Horowitz's figures, the
        integer multiplications (0.2 pJ of 8 bits, 3.1 pJ of 32) stand as 1 to 15.5, the products of the widths as 1 to
        16. For floating-point multiplications it is an assumption, in favour of the quantised network.
        """
        mult = self.mac_pj if self.mult_pj is None else self.mult_pj
        return self.mac_pj - mult + mult * min(bits, self.bits) / self.bits

    def left_out(self) -> tuple[str, ...]:
        """What the model has no figure for, in words."""
        return left_out_by(self.to_dict())


def energy_table(parts: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """The parts of the energy of one image by energy model, from picojoules; nothing where none is known."""
    unit = energy_unit(value for found in parts.values() for value in found.values())
    rows = tuple((model, part, value) for model, found in parts.items() for part, value in found.items())
    columns = (
        Column("energy_model", "Energy model"),
        Column("part", "Part"),
        Column("energy_pj", "Energy", f"{unit.name}/image", 2, factor=unit.factor),
    )
    return Table("costs-energy", "Energy by part", columns, rows) if rows else None


def left_out_by(model: Mapping[str, Any]) -> tuple[str, ...]:
    """What the object of an energy model has no figure for, in words."""
    lacking = [what for key, what in LACKING.items() if model.get(key) is None]
    return tuple(f"{what}: the energy model {model['name']} has no figure" for what in lacking)


def _times(count: float, pj: float | None) -> float | None:
    return None if pj is None else count * pj
