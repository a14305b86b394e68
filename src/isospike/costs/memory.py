"""What a network has to keep in memory: its tensors, and those of every number of steps it was calibrated for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from isospike.costs.tables import memory_table
from isospike.network import SNN
from isospike.tables import Table, Tabular


@dataclass(frozen=True)
class Memory(Tabular):
    """Bytes of tensors; state of a run, such as membranes, is no part of it."""

    network_bytes: int
    """Weights, biases, thresholds and constants of the graph."""
    set_bytes: dict[int, int]
    """Of a calibrated network, by the number of steps, the tensors that stand in the place of the graph's own."""

    @property
    def total(self) -> int:
        """Everything that a device must hold to answer at every number of steps."""
        return self.network_bytes + sum(self.set_bytes.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        sets = {str(steps): count for steps, count in self.set_bytes.items()}
        return {"network_bytes": self.network_bytes, "set_bytes": sets, "total_bytes": self.total}

    def table(self) -> Table:
        """One row for the network and for every set."""
        return memory_table(self.to_dict())


def memory_of(snn: SNN) -> Memory:
    """The memory of a network; tensors that are shared count once."""
    sets = {steps: _bytes(tensors.values()) for steps, tensors in snn.tensor_sets.items()}
    return Memory(_bytes(snn.stored_graph.state_dict().values()), sets)


def _bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of storage."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())
