"""Everything that all methods share: the folded network, thresholds, test images, what an operation costs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from isospike.calibrate.batches import Batch
from isospike.comparison.cell import Cell
from isospike.comparison.entries import Job
from isospike.comparison.reference_images import ReferenceImages
from isospike.comparison.seen import SeenBatches
from isospike.comparison.store import Kept
from isospike.conversion import spiking_network
from isospike.costs import Costs, EnergyModel, Reference, account, energy_model_called, energy_models, reference_costs
from isospike.costs.model_files import check_name
from isospike.data.reading import Layout
from isospike.errors import IsospikeError
from isospike.executors import executors
from isospike.graphs.export import names_taken
from isospike.graphs.graph import Graph
from isospike.measure.tally import Counts, Tally
from isospike.memory_format import channels_last
from isospike.methods.method import Method
from isospike.methods.signed_sites import sites_for
from isospike.methods.thresholds import Request, Thresholds, find_thresholds
from isospike.network import SNN
from isospike.options import Count, check_arguments
from isospike.preparation import Preparation, Prepared, prepare
from isospike.refine.refinement import Calibration
from isospike.tasks import TaskChoice, tensors_of


class Bench:
    """Converts and measures one network with any method.

    Args:
        model: the model, or its captured graph.
        calibration: calibration batches.
        wanted: what is asked of the network, see `isospike.preparation`.
        memory_budget: bytes for trains, of one conversion or run.
        energy_model: name of an energy model, or a file with one; the registered ones are used besides.
        account_images: number of first test images on which operations are counted.
        layout: where the time of sequences is, see `isospike.convert`.
        steps: the largest number of steps T, which are all that is read of test sequences.
        executor: of the networks that it runs; others take the default of their kind.

    Raises:
        CaptureError, ConversionError, CalibrationError, OptionError: as `isospike.convert`.
        EnergyModelError, UnknownNameError: there is no such energy model or executor.
    """

    def __init__(
        self,
        model: nn.Module | Graph,
        calibration: Iterable[Batch],
        *,
        wanted: Preparation,
        memory_budget: int,
        energy_model: str | EnergyModel,
        account_images: int,
        steps: int,
        layout: Layout | None = None,
        executor: str | None = None,
    ) -> None:
        check_arguments(Count, account_images=account_images)
        self.energy_model, self.energy_models = models_with(energy_model)
        self.memory_budget, self.account_images = memory_budget, account_images
        self.executor = executor
        self._runs = None if executor is None else executors[executor].kind
        self._read: dict[str, Any] = {"layout": layout, "steps": steps}
        shape = model.input_shape if isinstance(model, Graph) else None
        self.batches = SeenBatches(calibration, shape=shape, names=names_taken(model), **self._read)
        self.sites = wanted.sites
        self.network = prepare(model, self.batches, wanted)
        self.graph = self.network.graph
        self.networks = {self.network.placement.sites: self.network}
        self.thresholds = {self.network.placement.sites: Thresholds(self.graph)}

    def samples(self, data: Iterable[Any], *, task: TaskChoice = None, purpose: str = "test") -> ReferenceImages:
        """Samples to measure on, with the ANN's answers; see `ReferenceImages`."""
        return ReferenceImages(self.network.ann, data, task=task, purpose=purpose, **self._read)

    def network_for(self, method: Method) -> Prepared:
        """The network with its neurons where those of a method may stand, as `isospike.convert` places them.

        One placement serves most methods. Where it has signed sites and the choice was left open, methods for values of
        one sign have rectifiers alone: the same captured and folded network, placed when the first of them asks.

        Raises:
            ConversionError: as `isospike.preparation.Prepared.with_sites`.
        """
        sites = sites_for(method, self.sites)
        if sites == "auto":
            return self.network
        if sites not in self.networks:
            network = self.network.with_sites(sites)
            self.thresholds[sites], self.networks[sites] = Thresholds(network.graph), network
        return self.networks[sites]

    def convert(self, job: Job) -> tuple[SNN, float]:
        """The network of a job, and the seconds that the conversion took.

        Raises:
            IsospikeError: the method cannot convert this network.
        """
        started = time.perf_counter()
        network = self.network_for(job.method)
        thresholds = self._find(network, self._requests(job))
        calibration = Calibration(self.batches, None, self.memory_budget)
        snn = spiking_network(network, job.method, thresholds, calibration=calibration)
        return snn, time.perf_counter() - started

    def calibrate(self, jobs: Iterable[Job]) -> dict[Job, IsospikeError]:
        """Find in one pass for each placement what all jobs want, rules with a pass of their own aside.

        Returns:
            The jobs whose rule cannot serve the network, and why.

        Raises:
            CalibrationError: the data do not fit, or NaN or infinity reached a site.
        """
        refused: dict[Job, IsospikeError] = {}
        wanted: dict[str, list[Request]] = {}
        for job in jobs:
            try:
                found = self._requests(job)
            except IsospikeError as error:
                refused[job] = error
            else:
                wanted.setdefault(self.network_for(job.method).placement.sites, []).extend(found)
        for sites, asked in wanted.items():
            self._find(self.networks[sites], (request for request in asked if request.passive))
        return refused

    def _requests(self, job: Job) -> list[Request]:
        return self.network_for(job.method).requests(job.method)

    def _find(self, network: Prepared, wanted: Iterable[Request]) -> Thresholds:
        """The thresholds that are wanted; other jobs need not find them again."""
        sites = network.placement.sites
        found = find_thresholds(network.graph, wanted, self.batches, known=self.thresholds[sites])
        self.thresholds[sites] = found
        return found

    def setting(self) -> dict[str, Any]:
        """What cells depend on besides network, data and method, as JSON has it."""
        return {
            "energy_models": {name: asdict(model) for name, model in self.energy_models.items()},
            "account_images": self.account_images,
            "dtype": str(self.batches.first.dtype),
        }

    def measure(self, job: Job, reference: ReferenceImages) -> tuple[Kept, ...]:
        """Convert, and measure on the test images.

        Raises:
            IsospikeError: the method cannot convert or run this network.
        """
        snn, seconds = self.convert(job)
        return self.cells(job, snn, reference, conversion_seconds=seconds)

    @torch.no_grad()
    def cells(
        self, job: Job, snn: SNN, reference: ReferenceImages, *, conversion_seconds: float, most: int | None = None
    ) -> tuple[Kept, ...]:
        """The cells of a converted network.

        Raises:
            IsospikeError: the network cannot run on these images or for this number of steps.
        """
        at = job.steps or snn.times.own
        executor = self.executor if snn.kind is self._runs else None
        tally = Tally(snn, reference.judge, at, executor=executor, memory_budget=self.memory_budget)
        dtype = snn.reference_tensor.dtype
        for part in reference.batches(most):
            tally.count(tally.run(part.inputs.to(dtype)), part.targets, part.expected)
        images = [part.inputs.to(dtype) for part in reference.batches(min(self.account_images, tally.samples))]
        costs, competitors = account(snn, images, steps=at), reference_costs(snn)
        ann = self.ann_energy(competitors)
        return tuple(
            Kept(
                Cell(
                    label=job.label,
                    method=snn.provenance.method,
                    options=snn.provenance.options,
                    papers=snn.provenance.papers,
                    steps=steps,
                    **_judged(counts, labelled=reference.labelled),
                    spikes=counts.spikes / tally.samples,
                    packets=counts.packets / tally.samples,
                    **self._priced(costs[steps], competitors),
                    conversion_seconds=conversion_seconds,
                    seconds=tally.seconds,
                ),
                ann_energy_pj=ann,
                macs=competitors.macs,
                macs_with_padding=competitors.macs_with_padding,
            )
            for steps, counts in tally.counts.items()
        )

    @torch.no_grad()
    def distance(self, snn: SNN, reference: ReferenceImages, most: int) -> float:
        """Mean squared difference of an accumulate-then-emit network's outputs from the ANN's, on the first images."""
        dtype, total = snn.reference_tensor.dtype, 0.0
        for part in reference.batches(most):
            outputs = snn(part.inputs.to(dtype)), self.network.ann(channels_last(part.inputs))
            pairs = zip(*map(tensors_of, outputs), strict=True)
            apart = [(got.to(wanted.dtype) - wanted).reshape(len(wanted), -1) for got, wanted in pairs]
            total += sum(float(one.double().square().mean(1).sum()) for one in apart)
        return total / most

    def ann_energy(self, competitors: Reference) -> dict[str, float]:
        """Energy of the ANN in pJ, by energy model."""
        return {name: competitors.energy(model).total for name, model in self.energy_models.items()}

    def _priced(self, costs: Costs, competitors: Reference) -> dict[str, Any]:
        """The fields of a cell that are about operations and energy."""
        total, models = costs.total(), self.energy_models.items()
        return {
            "synops": total.synops,
            "macs": total.macs,
            "neuron_updates": total.neuron_updates,
            "energy_pj": {name: costs.energy(model).total for name, model in models},
            "quantised_energy_pj": {
                name: competitors.quantised_energy(model, costs.steps).total for name, model in models
            },
        }


def _judged(counts: Counts, *, labelled: bool) -> dict[str, Any]:
    """The fields of a cell that are about its answers."""
    score, agreement = counts.score.value() if labelled else None, counts.agreement.value()
    return {
        "score": None if score is None else score.value,
        "agreement": agreement.value,
        "interval": (agreement if score is None else score).interval,
    }


def models_with(wanted: str | EnergyModel) -> tuple[str, dict[str, EnergyModel]]:
    """The name of the wanted energy model, and all by name: the registered ones and this.

    Raises:
        EnergyModelError: its file cannot be read, or it has the name of another one.
        UnknownNameError: there is none of this name.
    """
    model = energy_model_called(wanted) if isinstance(wanted, str) else wanted
    check_name(model, "the energy model")
    return model.name, {**dict(energy_models.items()), model.name: model}
