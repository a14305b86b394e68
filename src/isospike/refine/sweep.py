"""One walk through a streaming network, layer after layer, in which every layer is corrected before it emits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Protocol

import torch
from torch import Tensor, fx, nn

from isospike.calibrate.collect import check_inputs
from isospike.executors import State
from isospike.executors.execution import Execution
from isospike.executors.program import compile_program
from isospike.graphs.graph import Graph, op_of
from isospike.graphs.op import Op
from isospike.inputs import Inputs
from isospike.memory_format import channels_last
from isospike.neurons import Memory, StreamingNeuron, Temporal
from isospike.ops import Role
from isospike.refine.own_neurons import own_neuron
from isospike.refine.refinement import Calibration
from isospike.scales.rule import Watched


class Correct(Protocol):
    """Corrects one neuron layer from what a part of a batch shows."""

    def __call__(self, layer: SweptLayer, currents: Tensor, target: Tensor) -> Tensor:
        """Change ``layer.neuron`` and give the train that the layers behind see.

        Args:
            layer: the neuron, its op, and what part of the images this is.
            currents: what it receives from sources that are corrected already, ``[T, B, ...]``.
            target: the ANN's activation for the same images, ``[B, ...]``.
        """


class SweptLayer(Temporal):
    """A neuron layer under correction."""

    spikes = True
    share: Fraction
    """Of the images of their batch, those that the neuron sees now."""
    weight: Fraction
    """Of all images up to now, those that the neuron sees now: what a running mean changes by."""

    def __init__(self, op: Op, neuron: StreamingNeuron, target: Target, correct: Correct) -> None:
        super().__init__()
        self.op, self.neuron, self.share, self.weight = op, neuron, Fraction(1), Fraction(1)
        self._target, self._correct = [target], correct  # in a list: it is no part of this module

    def forward(self, x: Tensor) -> Tensor:
        """The static function of the neuron."""
        y: Tensor = self.neuron(x)
        return y

    def start(self, x: Tensor) -> Memory:
        """That of the neuron."""
        return self.neuron.start(x)

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, None]:
        """Correct the neuron on a whole train of currents ``[T, B, ...]``."""
        target = self._target[0].last
        assert target is not None
        return self._correct(self, x, target), None

    def source(self) -> nn.Module:
        """That of the neuron."""
        return self.neuron.source()

    def train_of(self, currents: Tensor) -> Tensor:
        """What the neuron emits, ``[T, B, ...]``, from the start."""
        out, _ = self.neuron.advance(currents, self.neuron.start(currents[0]), overwrite=False)
        return out

    def channel_mean(self, values: Tensor) -> Tensor:
        """Mean over batch and space of values ``[B, ...]``, shaped like a threshold per channel."""
        axis = self.op.channel_axis % values.dim()
        mean = values.mean([a for a in range(values.dim()) if a != axis])
        return mean.view(-1, *(1,) * (values.dim() - 1 - axis))


class Target(Watched):
    """The activation of the ANN; remembers its output for the last batch."""

    last: Tensor | None = None

    def observe(self, z: Tensor) -> Tensor:
        """Keep the output."""
        a: Tensor = self.activation(z)
        self.last = a
        return a


@torch.no_grad()
def sweep(
    ann: Graph, spiking: Graph, batches: Iterable[Inputs], *, calibration: Calibration, correct: Correct, what: str
) -> Graph:
    """A view of a streaming network whose neurons were corrected layer by layer, batch after batch.

    A batch goes through the network once: each layer is corrected on the trains of sources that already are, and emits
    with what it has become. Batches are split so that the trains of all steps fit the memory budget; every image has
    the same weight, whatever its part or batch.

    Raises:
        CalibrationError: a batch does not fit, or NaN or infinity reached a site (named).
        ConversionError: the network has no number of steps, or neurons that are not `StreamingNeuron`.
    """
    steps = calibration.horizon(what)
    reference, corrected = ann.view(), spiking.view()
    layers: list[tuple[fx.Node, SweptLayer]] = []
    pairs = zip(reference.nodes_with(Role.ACTIVATION), corrected.nodes_with(Role.ACTIVATION), strict=True)
    for ours, theirs in pairs:
        neuron = own_neuron(corrected, theirs, what)
        target = Target(op_of(ours), reference.module_of(ours))
        reference.replace(ours, target)
        layers.append((theirs, SweptLayer(op_of(theirs), neuron, target, correct)))
        corrected.replace(*layers[-1])
    program = compile_program(corrected, constant_input=True)
    seen = 0
    for done, inputs in enumerate(batches):
        check_inputs(ann, inputs)
        for part in fitting(inputs, program.step_elements * steps, calibration.memory_budget):
            seen += len(part)
            for _, layer in layers:
                layer.share, layer.weight = Fraction(len(part), len(inputs)), Fraction(len(part), seen)
            reference(part)
            Execution(program, part, State()).advance(part, steps)
        calibration.tell(what, done + 1, 0)
    for node, layer in layers:
        corrected.replace(node, layer.neuron)
    return corrected


def fitting(inputs: Inputs, elements: int, budget: int) -> Iterator[Inputs]:
    """Parts of a batch whose trains fit the budget; equal in size to one sample."""
    most = max(1, budget // (elements * inputs.element_size()))
    parts = -(-len(inputs) // most)
    return (channels_last(part) for part in inputs.chunk(parts))
