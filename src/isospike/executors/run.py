"""What goes into a simulation and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from isospike.errors import SimulationError
from isospike.graphs.fitting import misfit
from isospike.graphs.graph import op_of
from isospike.inputs import Inputs, each
from isospike.network import SNN
from isospike.neurons import Memory
from isospike.options import is_whole
from isospike.tables import Column, Table, Tabular


@dataclass(frozen=True)
class Record:
    """What a run keeps besides the answer."""

    outputs: bool = True
    """The raw outputs of every step, ``[T, B, ...]``; a network that emits after accumulating has none."""
    at: tuple[int, ...] = ()
    """Further steps at which the decoded answer is wanted."""
    spikes: bool = True
    """Spike counts per site; counting is a fifth of a collapsed run of a small network."""
    codes: bool = False
    """The codes of networks that emit after accumulating."""
    watch: Callable[[str, Tensor], None] | None = None
    """Called with the name of every neuron layer, and of every max pool of trains, and what it sends at the next steps
    ``[t, B, ...]``, spikes times their amplitude; the tensor is only there during the call."""

    def __post_init__(self) -> None:
        """Refuse steps that are no whole numbers."""
        if not isinstance(self.at, Iterable) or not all(is_whole(step) for step in self.at):
            raise SimulationError(f"record: at must be whole numbers of steps such as (4, 8), got {self.at!r}")


@dataclass(frozen=True)
class State:
    """Everything a run remembers; hand it to the next part of the same run.

    It holds values alone and goes on with whatever network has the same modules: a copy, one that was loaded, one on
    another device after a move. It does not know the weights; to compare them all would cost as much as a step. After
    a change of weights start anew.
    """

    elapsed: int = 0
    """Steps so far."""
    memory: dict[str, Memory] = field(default_factory=dict)
    """State of every module with memory, by name."""
    sums: dict[int, list[Tensor]] = field(default_factory=dict)
    """Running sums of the outputs at the steps that a later answer may need."""

    def copy(self) -> State:
        """A state of its own for a new run; sums are never changed in place and stay shared."""
        memory = {name: {key: value.clone() for key, value in m.items()} for name, m in self.memory.items()}
        return State(self.elapsed, memory, dict(self.sums))


@dataclass(frozen=True)
class RunJob:
    """What an executor is asked for; see `simulate`."""

    x: Inputs
    steps: int | None
    """How many; ``None`` until an executor has settled it."""
    record: Record
    memory_budget: int
    state: State | None
    sequence: bool = False
    """Whether the input is a sequence ``[T, B, ...]``."""

    @property
    def begin(self) -> int:
        """Steps that were run before."""
        return 0 if self.state is None else self.state.elapsed

    @property
    def total(self) -> int:
        """Steps at the end, those of earlier parts included."""
        assert self.steps is not None
        return self.begin + self.steps

    @property
    def batch(self) -> int:
        """Number of samples."""
        return self.x.shape[1] if self.sequence and isinstance(self.x, Tensor) else len(self.x)


@dataclass(frozen=True)
class Run(Tabular):
    """What came out of a simulation."""

    steps: int
    """Total number of steps, those of earlier parts of the run included."""
    output: Any
    """The answer after the last step, structured like the model's output; with an exit rule, after the sample's own."""
    answers: dict[int, Any]
    """The answer after each step in ``record.at`` and after the last one; empty with an exit rule."""
    outputs: Any
    """Raw outputs of every step ``[T, B, ...]``, structured like the model's output; ``None`` if not recorded."""
    spikes: dict[str, Tensor]
    """Per site, the spikes of every step and sample: int64 ``[T, B]``, T the site's own steps; zero after
    a sample's exit. Empty if not recorded."""
    packets: dict[str, Tensor]
    """Per site, how many events carried them, ``[T, B]`` too: a spike of several levels is one event."""
    state: State | None
    """Where the run stands; hand it to `simulate` to go on. ``None`` for a network that emits after accumulating, and
    with an exit rule."""
    codes: dict[str, Tensor] | None = None
    """Per site, the whole numbers that were emitted: int64 ``[B, ...]``; ``None`` if not recorded."""
    inhibitory: dict[str, Tensor] | None = None
    """Per site of inhibiting neurons, their internal inhibitory events: int64 ``[B]``; ``None`` if unknown, as they
    depend on the order of the currents, which only `stepped` follows."""
    exit_steps: Tensor | None = None
    """Steps that every sample used, the largest number where it never met the rule: int64 ``[B]``; ``None`` for a run
    without an exit rule."""

    def table(self) -> Table:
        """Spikes and events of one sample by site, as far as they were recorded."""
        columns = (
            Column("site", "Site"),
            Column("steps", "Steps", "", 0),
            Column("spikes", "Spikes", "/sample", 2),
            Column("packets", "Packets", "/sample", 2),
        )
        rows = tuple(
            (site, len(counts), _per_sample(counts), _per_sample(self.packets[site]))
            for site, counts in self.spikes.items()
        )
        shapes = [f"{list(leaf.shape)}" for leaf in pytree.tree_leaves(self.output) if isinstance(leaf, Tensor)]
        used = "" if self.exit_steps is None else f", mean steps used {self.exit_steps.double().mean():.2f}"
        note = "" if self.spikes else "no spikes were recorded"
        return Table("run", f"run of T={self.steps}, output {', '.join(shapes)}{used}", columns, rows, note)

    @property
    def spikes_per_sample(self) -> dict[str, Tensor]:
        """Per site, the spikes of all steps: int64 ``[B]``."""
        return {site: counts.sum(0) for site, counts in self.spikes.items()}


def _per_sample(counts: Tensor) -> float:
    """Mean of the sums over all steps ``[T, B]``."""
    return float(counts.sum(0).double().mean())


def check_shape(snn: SNN, x: Inputs, otherwise: str, *, sequence: bool = False) -> None:
    """One input must have samples of the network's shape.

    Args:
        snn: the network.
        x: samples ``[B, ...]`` or a sequence ``[T, B, ...]``.
        otherwise: what the message says behind the shape that the network takes.
        sequence: whether it is a sequence.

    Raises:
        SimulationError: it has other samples.
    """
    shape = snn.graph.input_shape
    if isinstance(x, Tensor) and tuple(x.shape[1 + sequence :]) != shape:
        takes = ", ".join(map(str, shape))
        if op_of(snn.graph.input_node).numbers != "real":
            raise SimulationError(
                f"the input has shape {list(x.shape)}, the network takes tokens [B, {takes}]; pad or cut texts to that "
                "length"
            )
        raise SimulationError(f"the input has shape {list(x.shape)}, the network takes images [B, {takes}]{otherwise}")


def check_tensor(snn: SNN, x: Inputs) -> None:
    """The input must lie on the network's device, in its type, and hold finite numbers; tokens must fit their tables.

    Raises:
        SimulationError: it does not.
    """
    reference = snn.reference_tensor
    wrong = misfit(snn.graph, x)
    if wrong:
        raise SimulationError(wrong)
    for tensor in each(x).values():
        _check_values(reference, tensor)


def _check_values(reference: Tensor, x: Tensor) -> None:
    if reference.device != x.device:
        raise SimulationError(f"the input is on {x.device}, the network on {reference.device}; move one with .to()")
    if x.is_floating_point() and reference.dtype != x.dtype:
        raise SimulationError(f"the input is {x.dtype}, the network {reference.dtype}; convert one with .to()")
    if x.numel() == 0:
        raise SimulationError(f"the input is empty: shape {list(x.shape)}")
    if not x.isfinite().all():
        raise SimulationError("the input contains NaN or infinity")
