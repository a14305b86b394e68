"""Bias calibration of accumulate-then-emit networks: starts and constants, so that channel means are the ANN's."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, fx, nn

from isospike.calibrate.collect import observe, stand_in
from isospike.graphs.graph import Graph, op_of
from isospike.graphs.op import Op
from isospike.neurons import Emitter
from isospike.neurons.quantiser import is_staircase
from isospike.ops import Role
from isospike.refine.refinement import Calibration, Refinement, check_emitters
from isospike.scales.rule import Observer
from isospike.sites import fold_offset, layers_behind

LEVELS = (0.0, *(sign * part / 8 for part in range(1, 5) for sign in (1, -1)))
"""Where the level of zero may be moved, in units; zero comes first, as ties are for it."""
TIE = 1e-6
"""Relative difference of two variances that rounding may make: the earlier place is taken."""
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

    Behind a signed site that layers alone read, which can have a constant of it in their biases (see
    `isospike.sites.layers_behind`), the mean error is that constant, ``offset_c = mean(x_c - a_c)``: it lowers the
    squared error, while another start moves thresholds away from the middle between two values. The levels are moved
    as a whole first, ``a = u k + c`` with thresholds in the middle, to the one of nine places c within half a unit of
    zero that leaves the smallest variance of ``z - a`` in the first batch.

    References:
        Li et al. 2021, *A Free Lunch From ANN*, section 4.2 (bias calibration).
    """

    papers: ClassVar[tuple[str, ...]] = ("li2021free",)
    serves_signed = True

    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        """See `Refinement.refine`."""
        check_emitters("bias calibration of accumulate-then-emit neurons", spiking)
        reference, calibrated = ann.view(), spiking.view()
        neurons: list[tuple[fx.Node, _Corrected]] = []
        pairs = zip(reference.nodes_with(Role.ACTIVATION), calibrated.nodes_with(Role.ACTIVATION), strict=True)
        for ours, theirs in pairs:
            activation, neuron = reference.module_of(ours), calibrated.module_of(theirs)
            if is_staircase(activation):
                continue
            assert isinstance(neuron, Emitter)
            mean = _Mean(op_of(ours), activation)
            stand_in(reference, ours, mean)
            kind = _Offset if neuron.is_signed and layers_behind(calibrated, theirs) else _Start
            neurons.append((theirs, kind(op_of(theirs), neuron, mean)))
            stand_in(calibrated, *neurons[-1])
        for inputs in calibration.batches if neurons else ():
            observe(reference, [inputs])
            observe(calibrated, [inputs])
        for node, site in neurons:
            site.place(calibrated, node)
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


class _Corrected(Observer, ABC):
    """A copy of a neuron, some of which follows the mean of the ANN's channel."""

    def __init__(self, op: Op, neuron: Emitter, target: _Mean) -> None:
        super().__init__(op, copy.deepcopy(neuron), "channel")
        self.seen = 0
        self._target = [target]  # in a list: it is no part of this module

    @property
    def neuron(self) -> Emitter:
        """The copy."""
        assert isinstance(self.activation, Emitter)
        return self.activation

    def observe(self, z: Tensor) -> Tensor:
        self.seen += len(z)
        error = self._target[0].scale() - self.shaped(self.real(self.sent(z)).mean(self.axes))
        self.move(error * (len(z) / self.seen))
        return self.sent(z)

    def sent(self, z: Tensor) -> Tensor:
        """What the layers behind are given of currents ``[B, ...]``."""
        a: Tensor = self.neuron(z)
        return a

    @abstractmethod
    def move(self, error: Tensor) -> None:
        """Raise the mean output by about ``error``."""

    def place(self, graph: Graph, node: fx.Node) -> None:
        """Put the neuron in its own place; a clone leaves inference mode."""
        self.neuron.v_init = self.neuron.v_init.clone()
        graph.replace(node, self.neuron)
        node.args = node.args[:1]

    def scale(self) -> Tensor:
        return self.neuron.v_init


class _Start(_Corrected):
    """The initial potential follows."""

    def move(self, error: Tensor) -> None:
        start = self.neuron.v_init + error
        self.neuron.v_init = start.minimum(SILENT * self.neuron.unit) if self.weighs_tokens else start


class _Offset(_Corrected):
    """The constant behind follows, from where the level of zero is best."""

    def __init__(self, op: Op, neuron: Emitter, target: _Mean) -> None:
        super().__init__(op, neuron, target)
        self.offset: Tensor | None = None

    def observe(self, z: Tensor) -> Tensor:
        if self.offset is None:
            self.offset = self._level(self.real(z))
            self.neuron.v_init = self.neuron.v_init - self.offset
        return super().observe(z)

    def _level(self, z: Tensor) -> Tensor:
        """Where, of nine places, the level of zero leaves the smallest variance of what rounding takes."""
        places = [part * self.neuron.unit for part in LEVELS]
        spread = torch.stack([(z - self.neuron(z - place)).var(self.axes, correction=0) for place in places])
        by_channel = torch.stack([self.shaped(place.flatten().expand(self.channels)) for place in places])
        first = (spread <= spread.amin(0) * (1 + TIE)).flatten(1).int() * torch.arange(len(places), 0, -1)[:, None]
        return by_channel.gather(0, self.shaped(first.argmax(0))[None])[0]

    def sent(self, z: Tensor) -> Tensor:
        assert self.offset is not None
        return super().sent(z) + self.offset

    def move(self, error: Tensor) -> None:
        assert self.offset is not None
        self.offset = self.offset + error

    def place(self, graph: Graph, node: fx.Node) -> None:
        assert self.offset is not None
        self.neuron.offset = self.offset.clone()
        super().place(graph, node)
        fold_offset(graph, node, self.neuron.offset)
