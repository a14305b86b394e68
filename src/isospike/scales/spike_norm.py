"""Thresholds from the currents that the spikes of the layers before give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from isospike.graphs.op import Op
from isospike.inputs import Inputs, mapped
from isospike.neurons import streaming
from isospike.options import Count, OneOf, Part
from isospike.scales.rule import Observer, ScaleRule, rules, smallest_threshold


@dataclass(frozen=True)
class SpikeNormRule(ScaleRule):
    """``theta = factor max_t(w s_t + b)``: the largest current of a layer while the layers before it spike.

    Every image runs for ``steps`` steps; layers are updated in order in the same pass, and a layer emits spikes of its
    updated threshold. With one mini-batch that is the layer-by-layer rule of the paper; with more, or one whose trains
    do not fit the memory, thresholds are running maxima. Max pools take the maximum of every step, biases count as
    currents.

    References:
        Sengupta et al. 2019, *Going Deeper in Spiking Neural Networks*, algorithm 1 (there with hard reset).
    """

    papers: ClassVar[tuple[str, ...]] = ("sengupta2019going",)

    steps: Count = 64
    """Time steps of the calibration."""
    factor: Part = 1.0
    """Part of the largest current (Han et al. 2020)."""
    neuron: Annotated[str, OneOf(streaming)] = "integrate-and-fire"
    """The neuron that spikes during calibration, from zero potential."""

    def feed(self, inputs: Inputs, most: int) -> Iterator[Inputs]:
        """The images at every step, ``[T * B, ...]``, as many images at once as ``most`` allows."""
        for part in inputs.split(max(1, most // self.steps)):
            yield mapped(part, lambda x: x.expand(self.steps, *x.shape).flatten(0, 1))

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """A spiking neuron whose threshold follows its largest current."""
        return _LargestCurrent(op, activation, self)


class _LargestCurrent(Observer):
    def __init__(self, op: Op, activation: nn.Module, rule: SpikeNormRule) -> None:
        super().__init__(op, activation, rule.granularity)
        self.rule = rule
        self.theta: Tensor | None = None

    def observe(self, z: Tensor) -> Tensor:
        largest = self.shaped(z.amax(self.axes)).clamp(min=0)
        largest = torch.minimum(largest, self.ceiling(largest)) * self.rule.factor
        self.theta = largest if self.theta is None else torch.maximum(self.theta, largest)
        safe = self.theta.clamp(min=smallest_threshold(z))
        neuron = streaming[self.rule.neuron](safe, torch.zeros_like(safe))
        currents = z.unflatten(0, (self.rule.steps, -1))
        out, _ = neuron.advance(currents, neuron.start(currents[0]), overwrite=False)
        return out.flatten(0, 1)

    def scale(self) -> Tensor:
        assert self.theta is not None
        return self.theta


rules.register("spike-norm", SpikeNormRule)
