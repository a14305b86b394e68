"""The diagnosis: where a spiking network loses against its model, why, and what to try."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isospike.calibrate.batches import Batch, inputs_of
from isospike.capture import Graph
from isospike.data.stream import stream
from isospike.diagnose.advice import Case, raising, words
from isospike.diagnose.diagnosis import Diagnosis, Fault, SiteDiagnosis, WorstSite
from isospike.diagnose.faulty_edges import faulty_edges, neighbours
from isospike.diagnose.faulty_thresholds import faulty_thresholds
from isospike.diagnose.faulty_weights import faulty_weights
from isospike.diagnose.layers import Layers
from isospike.diagnose.pairing import Pairing, pair
from isospike.diagnose.replacement import Score, answer, answer_with_exact_site, are_labels
from isospike.diagnose.tally import model_bounds
from isospike.diagnose.verdict import verdict_of
from isospike.errors import DataError, SimulationError
from isospike.measure.accuracy import check_range
from isospike.memory_format import channels_last
from isospike.messages import with_article
from isospike.network import SNN
from isospike.precision import own_precision
from isospike.progress import Progress, reporting
from isospike.whole import is_whole

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
        batches: inputs, or ``(inputs, labels)``. With labels ``[B]`` for an output ``[B, classes]`` the metric is
            top-1 accuracy, else the share of images with the model's class. They are gone through once; memory depends
            neither on how many there are nor on T.
        steps: number of steps T of a streaming network.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.

    Raises:
        SimulationError: the network is not one of this model, or steps or inputs do not fit.
        CaptureError: the model cannot be captured.
        ConversionError: the model holds NaN or infinity.
        DataError: there is no batch, the data fail, or labels are out of range.

    References:
        Bu et al. 2025, *Inference-Scale Complexity in ANN-SNN Conversion*, Theorem 1 (layer-wise error bound).
    """
    if not isinstance(snn, SNN):
        raise SimulationError(f"the network is {with_article(snn)}; diagnose takes what isospike.convert or load gives")
    taken = _steps(snn, steps)
    first, data = _looked_ahead(batches)
    pairing = pair(model, snn, inputs_of(first), steps)
    layers, scores = Layers(pairing, taken), _Scores(pairing, taken)
    with reporting(progress) as report:
        for number, batch in enumerate(data, 1):
            x = channels_last(inputs_of(batch).to(pairing.snn.reference_tensor.dtype))
            layers.add(x)
            for done, _ in enumerate(scores.add(x, batch), 1):
                report(f"batch {number}: sites replaced", done, len(pairing.sites))
    return _conclude(pairing, taken, layers, scores)


def _steps(snn: SNN, steps: int | None) -> int:
    if steps is not None and (not is_whole(steps) or steps < 1):
        raise SimulationError(f"steps must be a whole number of at least 1, got {steps!r}")
    settled = snn.settled_steps(steps)
    if settled is None:
        known = f", one of {', '.join(map(str, snn.times.own))}" if snn.times.own else ""
        raise SimulationError(f"the errors of a streaming network depend on the number of steps; say how many{known}")
    return int(settled)


def _looked_ahead(batches: Iterable[Batch]) -> tuple[Batch, Iterator[Batch]]:
    data = stream([batches] if isinstance(batches, Tensor) else batches)
    first = next(data, None)
    if first is None:
        raise DataError("the data hold no image; give at least one batch")
    return first, itertools.chain([first], data)


class _Scores:
    """The network's own score, and its score with every single site exact."""

    def __init__(self, pairing: Pairing, steps: int) -> None:
        self.pairing, self.steps = pairing, steps
        self.own, self.model = Score(), Score()
        self.exact = {site: Score() for site in pairing.sites}
        self.images = 0
        self.metric: str | None = None

    def add(self, x: Tensor, batch: Any) -> Iterator[str]:
        """Run a batch; one site after the other is done."""
        snn = self.pairing.snn
        expected = self.pairing.model(x)
        labels = self._labels(x, batch, expected)
        self.own.add(answer(snn, x, self.steps), expected, labels)
        self.model.add(expected, expected, labels)
        for site, score in self.exact.items():
            score.add(answer_with_exact_site(snn, site, x, self.steps), expected, labels)
            yield site
        self.images += len(x)

    def _labels(self, x: Tensor, batch: Any, expected: Any) -> Tensor | None:
        given = batch[1] if isinstance(batch, Sequence) and len(batch) > 1 else None
        labels = given if isinstance(given, Tensor) and are_labels(given, x, expected) else None
        metric = "agreement" if labels is None else "top1"
        if self.metric not in (None, metric):
            raise DataError("some batches have labels and others have not; give labels with all of them or with none")
        self.metric = metric
        if labels is not None:
            check_range(labels, expected.shape[1])
        return labels

    def regained(self, site: str) -> tuple[float, float]:
        """What comes back of the metric, and of the error of the outputs."""
        score = self.exact[site]
        return score.share - self.own.share, self.own.output_error - score.output_error


def _conclude(pairing: Pairing, steps: int, layers: Layers, scores: _Scores) -> Diagnosis:
    bounds = model_bounds(layers.tallies)
    found = {site: tally.result(site, scores.regained(site)[0], bounds[site]) for site, tally in layers.tallies.items()}
    sites = tuple(found.values())
    order = sorted(found, key=scores.regained, reverse=True)
    losing = [site for site in order if max(scores.regained(site)) > 0 and found[site].accumulated_error > 0]
    worst = tuple(_words(pairing, steps, found[site], layers.tallies[site].starved) for site in losing[:WORST])
    faults = (*_of_parts(pairing), *faulty_thresholds(sites, raising(pairing.snn.provenance)))
    metric = scores.metric or "agreement"
    return Diagnosis(
        method=pairing.snn.provenance.method,
        steps=steps,
        images=scores.images,
        metric=metric,
        accuracy=scores.own.share,
        ann_accuracy=scores.model.share,
        sites=sites,
        worst=worst,
        faults=faults,
        verdict=verdict_of(metric, scores.own.share, steps, faults, worst, found),
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
