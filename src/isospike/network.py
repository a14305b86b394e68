"""The spiking network: a graph with neurons in the place of activations."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from isospike.capture.graph import Graph, op_of
from isospike.capture.roles import Role
from isospike.data.preprocess import Preprocess
from isospike.errors import ConversionError
from isospike.memory_format import weights_channels_last
from isospike.neurons import Temporal
from isospike.simulate.program import Program, compile_program
from isospike.simulate.readout import ReadOut
from isospike.simulate.simulate import Record, simulate


@dataclass(frozen=True)
class Provenance:
    """How a network was made."""

    method: str
    """Name of the conversion method."""
    options: dict[str, Any] = field(default_factory=dict)
    """Its options."""
    papers: tuple[str, ...] = ()
    """BibTeX keys of what was used."""


class SNN(nn.Module):
    """A spiking network: an ordinary module that also wants to know the number of steps.

    It holds no state of a run, no number of steps and no batch size: ``snn(x, steps=T)`` twice gives the same
    answer twice.

    Args:
        graph: the network with `Temporal` modules in the place of activations and max pools.
        readout: how the outputs of the steps become one answer.
        provenance: how it was made.
        preprocess: how images become inputs, when known.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        readout: ReadOut,
        provenance: Provenance,
        preprocess: Preprocess | None = None,
    ) -> None:
        super().__init__()
        if not graph.sites:
            raise ConversionError("the network has no activation that becomes a neuron; nothing would spike")
        weights_channels_last(graph)
        self.graph = graph.eval()
        self.readout = readout
        self.provenance = provenance
        self.preprocess = preprocess
        self._programs: dict[bool, Program] = {}

    def forward(self, x: Tensor, *, steps: int) -> Any:
        """The answer after ``steps`` steps, structured like the model's output; see `simulate`."""
        return simulate(self, x, steps=steps, record=Record(outputs=False)).output

    def program(self, *, constant_input: bool) -> Program:
        """The network compiled for a constant or a changing input; compiled once."""
        if constant_input not in self._programs:
            self._programs[constant_input] = compile_program(self.graph, constant_input=constant_input)
        return self._programs[constant_input]

    def ann(self) -> Graph:
        """The network with its activations and max pools back in place: what it was converted from, folded."""
        ann = self.graph.view()
        for node in ann.op_nodes():
            module = ann.module_of(node) if node.op == "call_module" else None
            if isinstance(module, Temporal):
                ann.replace(node, module.source())
        return ann

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the neuron layers, in order of execution."""
        return self.graph.sites

    @property
    def islands(self) -> tuple[str, ...]:
        """Names of the ops computed on decoded values."""
        return tuple(op_of(node).name for node in self.graph.nodes_with(Role.ANALOGUE))

    @property
    def reference_tensor(self) -> Tensor:
        """A tensor whose device and type are the network's."""
        return next(iter(self.graph.buffers()))

    def save(self, path: str | Path) -> None:
        """Write the network to one ``.snn`` file; see `isospike.export.artefact.save`."""
        from isospike.export.artefact import save

        save(self, path)

    def __deepcopy__(self, memo: dict[int, Any]) -> SNN:
        """A network of its own; compiled programs are not copied."""
        import copy

        return SNN(
            copy.deepcopy(self.graph, memo),
            readout=self.readout,
            provenance=self.provenance,
            preprocess=self.preprocess,
        )
