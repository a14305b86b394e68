"""The diagnosis: where a spiking network loses against its model, why, and what to try."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from isospike.calibrate.batches import Batch
from isospike.data.reading import Given, Layout, looked_ahead, read_batches
from isospike.diagnosis.advice import Case, raising, words
from isospike.diagnosis.diagnosis import Diagnosis, Fault, WorstSite
from isospike.diagnosis.faulty_edges import faulty_edges, neighbours
from isospike.diagnosis.faulty_thresholds import faulty_thresholds
from isospike.diagnosis.faulty_weights import faulty_weights
from isospike.diagnosis.layers import Layers
from isospike.diagnosis.pairing import Pairing, pair
from isospike.diagnosis.replacement import Replaced, answer_of, answer_with_exact_site
from isospike.diagnosis.site import SiteDiagnosis
from isospike.diagnosis.tally import model_bounds
from isospike.diagnosis.verdict import verdict_of
from isospike.errors import SimulationError
from isospike.graphs import Graph
from isospike.measure.belonging import check_network
from isospike.memory_format import channels_last
from isospike.network import SNN
from isospike.options import Steps, check_arguments
from isospike.precision import own_precision
from isospike.progress import Progress, reporting
from isospike.tasks import Judge, TaskChoice, choose_task

WORST = 3
"""Sites that are put into words."""


@torch.no_grad()
@own_precision()
def diagnose(
    model: nn.Module | Graph,
    snn: SNN,
    batches: Iterable[Batch],
    *,
    steps: int | None = None,
    progress: Progress = True,
    task: TaskChoice = None,
    layout: Layout | None = None,
) -> Diagnosis:
    """Find where a spiking network loses against the model that it was converted from.

    First the network is compared with the model, captured and folded anew: weights, connections, thresholds. What does
    not belong there is a *fault*. Then every neuron layer is measured: clipping, quantisation and unevenness error (see
    `SiteDiagnosis` for the equations), firing rates, silent and saturated channels, and the terms of the bound

        |e_l| <= |s_l - f(A_l s)| + |A_l| |e|

    of its error ``e_l = s_l - a_l``, with ``s`` the mean outputs that the layer reads, ``e`` their errors, ``A_l`` the
    affine map between and ``|A_l|`` its spectral norm. Last, one layer after the other is made exact, its neurons
    replaced by the activation of their mean current, and the answers are compared with and without.

    Args:
        model: the model, or its captured graph; it is not changed.
        snn: the network; it is not changed.
        batches: inputs, or ``(inputs, targets)``. With targets the metric is the task's score, else its agreement with
            the model. They are gone through once; memory depends neither on how many there are nor on T.
        steps: number of steps T of a streaming network.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        task: what the answers are for; by default what the network was converted for, see `isospike.tasks`.
        layout: where the time of sequences is; ``batch-first`` for ``[B, T, ...]``. The model sees their mean over
            time.

    Raises:
        SimulationError: the network is not one of this model, or steps or inputs do not fit.
        CaptureError: the model cannot be captured.
        ConversionError: the model holds NaN or infinity.
        DataError: there is no batch, the data fail, or targets do not fit.
        TaskError: the task does not fit the outputs.

    References:
        Bu et al. 2025, *Inference-Scale Complexity in ANN-SNN Conversion*, Theorem 1 (layer-wise error bound).
    """
    check_network(snn, "diagnose")
    taken = _steps(snn, steps)
    first, data = looked_ahead(
        read_batches(batches, shape=snn.graph.input_shape, layout=layout, steps=taken, names=snn.graph.input_names)
    )
    shapes = snn.graph.output_shapes
    judge = Judge(choose_task(task, shapes, stored=snn.task, targets=first.targets), shapes, snn.graph.output_names)
    pairing = pair(model, snn, first.still, steps=steps)
    layers, scores = Layers(pairing, taken), _Scores(pairing, judge, taken)
    with reporting(progress) as report:
        for number, batch in enumerate(data, 1):
            given = batch.to(pairing.snn.reference_tensor.dtype)
            layers.add(given)
            for done, _ in enumerate(scores.add(given), 1):
                report(f"batch {number}: sites replaced", done, len(pairing.sites))
    return _conclude(pairing, taken, layers, scores)


def _steps(snn: SNN, steps: int | None) -> int:
    check_arguments(Steps | None, SimulationError, steps=steps)
    settled = snn.settled_steps(steps)
    if settled is None:
        known = f", one of {', '.join(map(str, snn.times.own))}" if snn.times.own else ""
        raise SimulationError(f"the errors of a streaming network depend on the number of steps; say how many{known}")
    return int(settled)


class _Scores:
    """The network's own score, and its score with every single site exact."""

    def __init__(self, pairing: Pairing, judge: Judge, steps: int) -> None:
        self.pairing, self.judge, self.steps = pairing, judge, steps
        self.own, self.model = Replaced(judge), Replaced(judge)
        self.exact = {site: Replaced(judge) for site in pairing.sites}
        self.images = 0

    def add(self, given: Given) -> Iterator[str]:
        """Run a batch; one site after the other is done."""
        snn, x = self.pairing.snn, given.inputs
        targets = self.judge.read(given.targets, given.samples)
        expected = self.pairing.ann(channels_last(given.still))
        self.own.add(answer_of(snn, x, self.steps), expected, targets)
        self.model.add(expected, expected, targets)
        for site, found in self.exact.items():
            found.add(answer_with_exact_site(snn, site, given, steps=self.steps), expected, targets)
            yield site
        self.images += given.samples

    @property
    def metric(self) -> str:
        """By which of its figures the network is judged."""
        return "score" if self.judge.labelled else "agreement"

    def regained(self, site: str) -> tuple[float, float]:
        """What comes back of the metric, more is better, and of the error of the outputs."""
        exact, own = self.exact[site], self.own
        goodness = own.measured.measure.goodness
        back = goodness(exact.measured.value) - goodness(own.measured.value)
        return back, own.output_error - exact.output_error


def _conclude(pairing: Pairing, steps: int, layers: Layers, scores: _Scores) -> Diagnosis:
    bounds = model_bounds(layers.tallies)
    found = {site: tally.result(site, scores.regained(site)[0], bounds[site]) for site, tally in layers.tallies.items()}
    sites = tuple(found.values())
    order = sorted(found, key=scores.regained, reverse=True)
    losing = [site for site in order if max(scores.regained(site)) > 0 and found[site].accumulated_error > 0]
    worst = tuple(_words(pairing, steps, found[site], layers.tallies[site].starved) for site in losing[:WORST])
    faults = (*_of_parts(pairing), *faulty_thresholds(sites, raising(pairing.snn.provenance)))
    return Diagnosis(
        method=pairing.snn.provenance.method,
        steps=steps,
        images=scores.images,
        task=scores.judge.task.to_dict(),
        metric=scores.metric,
        measured=scores.own.measured,
        ann=scores.model.measured,
        sites=sites,
        worst=worst,
        faults=faults,
        verdict=verdict_of(scores.own.measured, steps, faults, worst=worst, sites=found),
    )


def _of_parts(pairing: Pairing) -> list[Fault]:
    """Faults of connections and of weights; those of weights come first where they may explain one beside them."""
    edges, weights = faulty_edges(pairing), faulty_weights(pairing)
    beside = {name for fault in edges for name in neighbours(pairing, fault.name)}
    causes = [fault for fault in weights if fault.name in beside]
    return [*causes, *edges, *(fault for fault in weights if fault not in causes)]


def _words(pairing: Pairing, steps: int, site: SiteDiagnosis, starved: int) -> WorstSite:
    snn, known = pairing.snn, pairing.snn.provenance
    takes_back = snn.neuron(site.site).takes_back
    return words(Case(site, starved, snn.kind, takes_back, known.options, steps, raising(known)))
