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
from isospike.neurons import Emitter, InputGrid, Temporal
from isospike.simulate.executors import Kind
from isospike.simulate.program import Program, compile_program
from isospike.simulate.readout import ReadOut
from isospike.simulate.run import Record
from isospike.simulate.simulate import simulate
from isospike.simulate.trains import TrainProgram, compile_trains


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
    """A spiking network: an ordinary module, ``snn(x, steps=T)``, or ``snn(x)`` if it has its own number of steps.

    It holds no state of a run and no batch size: the same call twice gives the same answer twice. There are two
    kinds. In a streaming network every site is a `Temporal` neuron; it runs for any number of steps. In an
    accumulate-then-emit network every site is an `Emitter`, each with its own number of steps, and the answer, the
    sum of the outputs over the last trains, exists at the end.

    Args:
        graph: the network with neurons in the place of activations; in a streaming one max pools are `Temporal` too.
        readout: how the outputs of the steps of a streaming network become one answer.
        provenance: how it was made.
        preprocess: how images become inputs, when known.

    Raises:
        ConversionError: no site, or sites of both kinds.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        provenance: Provenance,
        readout: ReadOut | None = None,
        preprocess: Preprocess | None = None,
    ) -> None:
        super().__init__()
        if not graph.sites:
            raise ConversionError("the network has no activation that becomes a neuron; nothing would spike")
        emitters = [isinstance(graph.get_submodule(site), Emitter) for site in graph.sites]
        if any(emitters) and not all(emitters):
            raise ConversionError("the network mixes streaming and accumulate-then-emit neurons; use one kind")
        weights_channels_last(graph)
        self.graph = graph.eval()
        self.kind = Kind.EMITTING if all(emitters) else Kind.STREAMING
        self.readout = readout or ReadOut()
        self.provenance = provenance
        self.preprocess = preprocess
        self._programs: dict[bool, Program] = {}
        self._trains: TrainProgram | None = None

    def forward(self, x: Tensor, *, steps: int | None = None) -> Any:
        """The answer after ``steps`` steps, structured like the model's output; see `simulate`."""
        return simulate(self, x, steps=steps, record=Record(outputs=False, spikes=False)).output

    def program(self, *, constant_input: bool) -> Program:
        """The network compiled for a constant or a changing input; compiled once."""
        if constant_input not in self._programs:
            self._programs[constant_input] = compile_program(self.graph, constant_input=constant_input)
        return self._programs[constant_input]

    @property
    def exact(self) -> bool:
        """Whether the network is on a grid on which no sum is rounded; see `isospike.refine.put_on_grid`."""
        return any(isinstance(module, InputGrid) for module in self.graph.modules())

    def trains(self) -> TrainProgram:
        """An accumulate-then-emit network compiled for its executors; compiled once."""
        if self._trains is None:
            self._trains = compile_trains(self.graph)
        return self._trains

    @property
    def steps(self) -> int | None:
        """Length T of the longest train of an accumulate-then-emit network; ``None`` for a streaming one.

        Layers work one after the other, so one image takes the sum of the trains along the longest path; images
        behind each other can enter every T steps.
        """
        neurons = [self.graph.get_submodule(site) for site in self.sites]
        return max((neuron.steps for neuron in neurons if isinstance(neuron, Emitter)), default=None)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Moving or casting makes new tensors; what was compiled from the old ones is dropped."""
        self._trains = None
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def ann(self) -> Graph:
        """The network with its activations and max pools back in place: what it was converted from, folded."""
        ann = self.graph.view()
        for node in ann.op_nodes():
            module = ann.module_of(node) if node.op == "call_module" else None
            if isinstance(module, Temporal | Emitter):
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
        return next(buffer for buffer in self.graph.buffers() if buffer.is_floating_point())

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
