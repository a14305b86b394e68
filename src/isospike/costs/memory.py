"""What a network has to keep in memory: its tensors, and those of every number of steps it was calibrated for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from isospike.network import SNN
from isospike.results import Stored, derived
from isospike.tables import Column, Table, Tabular


@dataclass(frozen=True)
class Memory(Tabular, Stored):
    """Bytes of tensors; state of a run, such as membranes, is no part of it."""

    network_bytes: int
    """Weights, biases, thresholds and constants of the graph."""
    set_bytes: dict[int, int]
    """Of a calibrated network, by the number of steps, the tensors that stand in the place of the graph's own."""

    @property
    @derived("total_bytes")
    def total(self) -> int:
        """Everything that a device must hold to answer at every number of steps."""
        return self.network_bytes + sum(self.set_bytes.values())

    def table(self) -> Table:
        """One row for the network and for every set."""
        return memory_table(self.to_dict())


def memory_table(memory: Mapping[str, Any]) -> Table:
    """Bytes of the tensors of a network, and of those for every number of steps that it was calibrated for.

    Args:
        memory: the object of a `Memory`.
    """
    sets = {f"set for T = {steps}": count for steps, count in memory["set_bytes"].items()}
    rows = tuple({"network": memory["network_bytes"], **sets, "all": memory["total_bytes"]}.items())
    columns = (Column("part", "Part"), Column("bytes", "Memory", "bytes", 0))
    return Table("costs-memory", "Memory of its tensors", columns, rows, "Membranes of a run are no part of it.")


def memory_of(snn: SNN) -> Memory:
    """The memory of a network; tensors that are shared count once."""
    sets = {steps: _bytes(tensors.values()) for steps, tensors in snn.tensor_sets.items()}
    return Memory(_bytes(snn.stored_graph.state_dict().values()), sets)


def _bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of storage."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())
