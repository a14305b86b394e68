"""The spiking network: a graph with neurons in the place of activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from isospike.capture.graph import Graph, changed_tensors, op_of
from isospike.capture.roles import Role
from isospike.data.preprocess import Preprocess
from isospike.errors import ConversionError, SimulationError
from isospike.memory_format import weights_channels_last
from isospike.neurons import Emitter, InputGrid, Temporal
from isospike.options import is_whole
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
    """Its options, as JSON has them."""
    papers: tuple[str, ...] = ()
    """BibTeX keys of what was used."""
    silent: dict[str, int] = field(default_factory=dict)
    """By site, how many of its thresholds came out as zero, for want of a positive current during calibration; they are
    the largest of the site, or of the network where a site has no other."""


class SNN(nn.Module):
    """A spiking network: an ordinary module, ``snn(x, steps=T)``, or ``snn(x)`` if it has its own number of steps.

    It holds no state of a run and no batch size: the same call twice gives the same answer twice. There are two
    kinds. In a streaming network every site is a `Temporal` neuron; it runs for any number of steps. In an
    accumulate-then-emit network every site is an `Emitter`, each with its own number of steps, and the answer, the
    sum of the outputs over the last trains, exists at the end.

    A streaming network may be *calibrated* for some numbers of steps: it has a set of tensors for each of them and runs
    for no other; `at` picks one.

    Args:
        graph: the network with neurons in the place of activations; in a streaming one max pools are `Temporal` too.
        sets: for every number of steps that the network was calibrated for, the tensors of the graph that it replaces.
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
        sets: Mapping[int, Mapping[str, Tensor]] | None = None,
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
        self.sets = nn.ModuleDict({str(steps): TensorSet(tensors) for steps, tensors in sorted((sets or {}).items())})
        self._chosen: dict[int, SNN] = {}
        self._uncalibrated: dict[int, Graph] = {}  # of what `at` picked: for how many steps, and from which graph
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
    def calibrated(self) -> tuple[int, ...]:
        """The numbers of steps that the network was calibrated for; empty if it runs for any, or has its own."""
        return tuple(int(steps) for steps in self.sets)

    def at(self, steps: int) -> SNN:
        """The network as it was calibrated for ``steps`` steps: it gives answers up to then, and can be continued.

        It shares tensors with this one: to move or cast it, move or cast this one before, or a deep copy.

        Raises:
            SimulationError: it was not calibrated for so many steps; the message says for which.
        """
        if steps not in self.calibrated or not is_whole(steps):
            raise SimulationError(f"this network was not calibrated for {steps!r} steps, but for {self._known_steps()}")
        if steps not in self._chosen:
            chosen = SNN(
                self.graph.with_tensors(self.set_for(steps)),
                provenance=self.provenance,
                readout=self.readout,
                preprocess=self.preprocess,
            )
            chosen._uncalibrated = {steps: self.graph}
            self._chosen[steps] = chosen
        return self._chosen[steps]

    def _known_steps(self) -> str:
        if self.calibrated:
            return ", ".join(map(str, self.calibrated))
        own = self.steps or self.horizon
        return "no number of steps in particular: it runs for " + ("any" if own is None else f"{own}")

    @property
    def horizon(self) -> int | None:
        """The number of steps that `at` picked the network for, the last at which it answers; ``None``: no limit."""
        return next(iter(self._uncalibrated), None)

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
        self._chosen = {}
        for graph in self._uncalibrated.values():
            graph._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def ann(self) -> Graph:
        """The network with its activations and max pools back in place: what it was converted from, folded."""
        (graph,) = self._uncalibrated.values() or [self.graph]
        ann = graph.view()
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
        """Write the network to one ``.snn`` file; see `isospike.export.artefact.save`.

        What `at` picked is written as a network that was calibrated for that number of steps alone.
        """
        from isospike.export.artefact import save

        save(self._with_sets(), path)

    def set_for(self, steps: int) -> dict[str, Tensor]:
        """The tensors of the graph that are replaced for ``steps`` steps, by name."""
        tensors = self.sets[str(steps)]
        assert isinstance(tensors, TensorSet)
        return tensors.tensors()

    def _with_sets(self) -> SNN:
        """One set of a calibrated network as a calibrated network; any other network as it is."""
        if not self._uncalibrated:
            return self
        ((steps, graph),) = self._uncalibrated.items()
        sets = {steps: changed_tensors(graph, self.graph)}
        return SNN(graph, provenance=self.provenance, readout=self.readout, preprocess=self.preprocess, sets=sets)

    def __deepcopy__(self, memo: dict[int, Any]) -> SNN:
        """A network of its own; compiled programs are not copied."""
        import copy

        twin = SNN(
            copy.deepcopy(self.graph, memo),
            readout=self.readout,
            provenance=self.provenance,
            preprocess=self.preprocess,
            sets={steps: copy.deepcopy(self.set_for(steps), memo) for steps in self.calibrated},
        )
        twin._uncalibrated = copy.deepcopy(self._uncalibrated, memo)
        return twin


class TensorSet(nn.Module):
    """Tensors by dotted name, moved and cast like those of any module."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name.replace(".", "/"), tensor)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors."""
        return {name.replace("/", "."): tensor for name, tensor in self.named_buffers()}
