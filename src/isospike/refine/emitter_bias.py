"""Bias calibration of accumulate-then-emit networks: where neurons start, so that channel means are the ANN's."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, fx, nn

from isospike.calibrate.collect import observe, stand_in
from isospike.graphs.graph import Graph, op_of
from isospike.graphs.op import Op
from isospike.neurons import Emitter
from isospike.neurons.quantiser import is_staircase
from isospike.ops import Role
from isospike.refine.refinement import Calibration, Refinement, check_emitters
from isospike.scales.rule import Observer

SILENT = 63 / 64
"""Units with which attention weights start at most: one unit would give padding, whose weight is zero, a spike."""


@dataclass(frozen=True)
class EmitterBiasCalibration(Refinement):
    """Correct the mean output of every channel of accumulate-then-emit neurons, forward passes only.

    Rounding and saturation move the mean of what a channel puts out, and these shifts add up over the layers. With
    the ANN's outputs ``x``, the network's ``a`` and their mean over batch and space, the next ``n`` images after
    ``m`` others give

        v_init_c <- v_init_c + n / (m + n) mean(x_c - a_c)

    layer by layer in one pass, so that a layer sees sources that are corrected already. For one batch that is the
    correction of the paper; over many it is stochastic approximation of the ``v_init`` at which the means agree. A
    current that is added once is a higher initial potential, so no parameter of the ANN changes. Sites with a trained
    staircase are left alone: there the ANN is what the network has to equal. Of texts the tokens count, padding does
    not; attention weights of zero stay silent.

    References:
        Li et al. 2021, *A Free Lunch From ANN*, section 4.2 (bias calibration).
    """

    papers: ClassVar[tuple[str, ...]] = ("li2021free",)
    serves_signed = True

    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        """See `Refinement.refine`."""
        check_emitters("bias calibration of accumulate-then-emit neurons", spiking)
        reference, calibrated = ann.view(), spiking.view()
        neurons: list[tuple[fx.Node, _Calibrated]] = []
        pairs = zip(reference.nodes_with(Role.ACTIVATION), calibrated.nodes_with(Role.ACTIVATION), strict=True)
        for ours, theirs in pairs:
            activation, neuron = reference.module_of(ours), calibrated.module_of(theirs)
            if is_staircase(activation):
                continue
            assert isinstance(neuron, Emitter)
            mean = _Mean(op_of(ours), activation)
            stand_in(reference, ours, mean)
            neurons.append((theirs, _Calibrated(op_of(theirs), copy.deepcopy(neuron), mean)))
            stand_in(calibrated, *neurons[-1])
        for inputs in calibration.batches if neurons else ():
            observe(reference, [inputs])
            observe(calibrated, [inputs])
        for node, site in neurons:
            site.neuron.v_init = site.scale().clone()  # a clone leaves inference mode
            calibrated.replace(node, site.neuron)
            node.args = node.args[:1]
        return calibrated


class _Mean(Observer):
    """The mean output of every channel in the last batch."""

    def __init__(self, op: Op, activation: nn.Module) -> None:
        super().__init__(op, activation, "channel")
        self.last: Tensor | None = None

    def observe(self, z: Tensor) -> Tensor:
        a: Tensor = self.activation(z)
        self.last = self.real(a).mean(self.axes)
        return a

    def scale(self) -> Tensor:
        assert self.last is not None
        return self.shaped(self.last)


class _Calibrated(Observer):
    """A neuron whose initial potential follows the mean of the ANN's channel."""

    def __init__(self, op: Op, neuron: Emitter, target: _Mean) -> None:
        super().__init__(op, neuron, "channel")
        self.neuron, self.seen = neuron, 0
        self._target = [target]  # in a list: it is no part of this module

    def observe(self, z: Tensor) -> Tensor:
        self.seen += len(z)
        error = self._target[0].scale() - self.shaped(self.real(self.neuron(z)).mean(self.axes))
        self.neuron.v_init = self.neuron.v_init + error * (len(z) / self.seen)
        if self.weighs_tokens:
            self.neuron.v_init = self.neuron.v_init.minimum(SILENT * self.neuron.unit)
        a: Tensor = self.neuron(z)
        return a

    def scale(self) -> Tensor:
        return self.neuron.v_init
