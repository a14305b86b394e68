"""Weight calibration: weights that undo, layer by layer, what the conversion changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, fx, nn

from isospike.calibrate.collect import check_inputs
from isospike.errors import ConversionError
from isospike.executors import State
from isospike.executors.execution import Execution
from isospike.executors.program import compile_program
from isospike.graphs.graph import Graph, op_of
from isospike.memory_format import channels_last
from isospike.neurons import StreamingNeuron
from isospike.neurons.neuron import title_of
from isospike.ops import Role
from isospike.options import Count, CountOrZero, Positive
from isospike.refine.journal import Journal
from isospike.refine.refinement import Calibration, Refinement
from isospike.refine.region import Region, region_of
from isospike.refine.rows import Rows
from isospike.refine.sweep import fitting

Optimiser = Literal["sgd", "adam"]
TOLD_EVERY = 100
"""Iterations between two reports of progress."""


@dataclass(frozen=True)
class WeightCalibration(Refinement):
    """Train the weights before every neuron layer so that its mean output is the ANN's.

    With ``s`` the mean outputs over T steps of the neurons before a layer, those calibrated already, ``x`` the ANN's
    activation, ``b`` the bias of the layer and ``c`` the neurons' own currents, it minimises over the weights ``W`` of
    the convolutions and linear layers between

        mean( (theta / T clip(floor((v_init + T (W s + b + c)) / theta), 0, T S) - x)^2 ),

    which is what the neurons do with a constant current: behind `BiasShift` the phase of this quantiser is 1/2, where
    the authors' release has 0. The gradient passes the floor inside the clipped range. Shortcuts and pools between are
    part of ``W s``. Layers follow each other in order; the last one, which has no neuron, stays. The weights are those
    for T steps: the ANN's stay in the network.

    References:
        Li et al. 2021, *A Free Lunch From ANN*, section 4.3, weight calibration (1024 images, 5000 iterations of 32,
        learning rate 1e-5 with cosine decay).
    """

    papers: ClassVar[tuple[str, ...]] = ("li2021free",)
    resumes: ClassVar[bool] = True

    images: Count = 1024
    """Calibration images."""
    iterations: CountOrZero = 5000
    """Mini-batches for each layer."""
    batch_size: Count = 32
    """Images in a mini-batch."""
    learning_rate: Positive = 1e-5
    """At the start; it falls to zero along a cosine."""
    optimiser: Optimiser = "adam"
    """Stochastic gradient descent with momentum 0.9, or Adam."""
    seed: CountOrZero = 0
    """Of the order of the mini-batches."""

    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        """See `Refinement.refine`."""
        calibrated, trained = spiking.view(), set[str]()
        images = calibration.batches.images(self.images)
        journal = Journal(calibration.checkpoint, spiking, images, f"{self!r} {calibration.steps}")
        if not self.iterations:
            return calibrated
        within = replace(self, images=sum(map(len, calibration.batches.images(self.images))))  # no more than there are
        sites = calibrated.nodes_with(Role.ACTIVATION)
        for number, site in enumerate(sites):
            region = region_of(calibrated, site)
            layers = [node for node in region.weighted if str(node.target) not in trained]
            trained |= {str(node.target) for node in layers}
            if layers and not _restore(calibrated, layers, journal):
                what = f"weights before {op_of(site).name} ({number + 1}/{len(sites)})"
                within._train(ann, calibrated, region, layers, calibration, what)
                journal.keep({str(node.target): _weight(calibrated, node) for node in layers})
        return calibrated

    def _train(
        self, ann: Graph, spiking: Graph, region: Region, layers: list[fx.Node], calibration: Calibration, what: str
    ) -> None:
        """Train the layers of one region, in copies that take their places."""
        neuron = spiking.module_of(region.site)
        if not isinstance(neuron, StreamingNeuron) or not neuron.soft_reset:
            raise ConversionError(
                f"weight calibration knows neurons with soft reset, '{op_of(region.site).name}' has "
                f"{title_of(neuron)} neurons; leave it out (iterations=0), or choose other neurons"
            )
        with self._cache(ann, spiking, region, calibration) as rows:
            for node in layers:
                spiking.replace(node, copy.deepcopy(spiking.module_of(node)))
            function = region.module(spiking)
            weights = [_weight(spiking, node).requires_grad_() for node in layers]
            with torch.enable_grad():
                self._minimise(rows, function, neuron, weights, calibration, what)
            for weight in weights:
                weight.requires_grad_(False)

    def _minimise(
        self,
        rows: Rows,
        function: nn.Module,
        neuron: StreamingNeuron,
        weights: list[Tensor],
        calibration: Calibration,
        what: str,
    ) -> None:
        optimiser: torch.optim.Optimizer = (
            torch.optim.Adam(weights, lr=self.learning_rate)
            if self.optimiser == "adam"
            else torch.optim.SGD(weights, lr=self.learning_rate, momentum=0.9)
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.iterations)
        device, steps = weights[0].device, calibration.horizon("weight calibration")
        for iteration, indices in enumerate(self._indices(rows.written)):
            *sources, target = [channels_last(part.to(device)) for part in rows.take(indices)]
            loss = (mean_output(neuron, function(*sources), steps) - target).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            if (iteration + 1) % TOLD_EVERY == 0:
                calibration.tell(what, iteration + 1, self.iterations)

    def _indices(self, count: int) -> Iterator[Tensor]:
        """Indices of the images of every mini-batch."""
        generator = torch.Generator().manual_seed(self.seed)
        for _ in range(self.iterations):
            yield torch.randperm(count, generator=generator)[: self.batch_size]

    @torch.no_grad()
    def _cache(self, ann: Graph, spiking: Graph, region: Region, calibration: Calibration) -> Rows:
        """Mean outputs of the sources, and the ANN's activation, for all images."""
        steps = calibration.horizon("weight calibration")
        (target,) = (node for node in ann.op_nodes() if op_of(node).name == op_of(region.site).name)
        means, activations = _putting_out(spiking, region.sources), _putting_out(ann, (target,))
        program = compile_program(means, constant_input=True)
        shapes = [op_of(node).shape for node in (*region.sources, target)]
        like = next(iter(spiking.parameters()))
        rows = Rows(self.images, shapes, like.dtype, calibration.memory_budget)
        for inputs in calibration.batches.images(self.images):
            check_inputs(ann, inputs)
            for part in fitting(inputs, program.step_elements * steps, calibration.memory_budget):
                trains = Execution(program, part, State()).advance(part, steps).outputs
                rows.add([*(train.mean(0) for train in trains), activations(part)[0]])
        return rows


def mean_output(neuron: StreamingNeuron, current: Tensor, steps: int) -> Tensor:
    """Mean output over T steps of a constant current ``[B, ...]``, its gradient 1 where neither silent nor saturated.

    ``theta / T clip(floor((v_init + T z) / theta), 0, T S)``, the bias of the neuron included in ``z``.
    """
    z = current if neuron.bias is None else current + neuron.bias.mean(0)
    even = z + neuron.v_init / steps
    unit = neuron.v_threshold / steps
    quantised = (even / unit).floor().clamp(0, steps * neuron.largest) * unit
    inside = (even > 0) & (even < neuron.saturation)
    return torch.where(inside, even + (quantised - even).detach(), quantised.detach())


def _putting_out(graph: Graph, nodes: tuple[fx.Node, ...]) -> Graph:
    """A view that computes the values of some nodes of ``graph``, and no more."""
    view = graph.view()
    names = {node.name for node in nodes}
    kept = [node for node in view.graph.nodes if node.name in names]
    view.output_node.args = (kept,)
    view.graph.eliminate_dead_code()
    return view


def _restore(graph: Graph, layers: list[fx.Node], journal: Journal) -> bool:
    """Put kept weights in the places of the layers' own, if all were kept."""
    kept = [journal.get(str(node.target)) for node in layers]
    if any(weight is None for weight in kept):
        return False
    for node, weight in zip(layers, kept, strict=True):
        assert weight is not None
        graph.replace(node, copy.deepcopy(graph.module_of(node)))
        own = _weight(graph, node)
        own.data = weight.to(own.device)
    return True


def _weight(graph: Graph, node: fx.Node) -> Tensor:
    weight = graph.module_of(node).weight
    assert isinstance(weight, Tensor)
    return weight
