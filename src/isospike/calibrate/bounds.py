"""First bounds of trainable activations, from one streaming pass over calibration data."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from isospike.activations import Activation
from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import observe, stand_in
from isospike.graphs.graph import Graph, op_of
from isospike.graphs.op import Op
from isospike.scales.histogram import HistogramObserver, least_error

BINS = 1024
"""Bins of the histogram of a channel."""
CANDIDATES = 100
"""Bounds that are tried, equally spaced up to the largest activation seen."""


def collect_bounds(graph: Graph, activations: Mapping[str, Activation], batches: Batches) -> dict[str, Tensor]:
    """For every site the bound with the least squared error between the activation and the ReLU it stands for.

    ``bound = argmin_b mean (a(x; b) - x)^2`` over the site's values ``x`` in the network as it is (Li et al. 2021,
    *A Free Lunch From ANN*, eq. 9, with the quantiser of the activation).

    Args:
        graph: the network.
        activations: the sites to look at and what will stand there.
        batches: calibration inputs.

    Returns:
        Scalars, or one value per channel in a shape that broadcasts. A channel that was never active gets the
        largest bound of its layer; a layer that was never active the configured bound.

    Raises:
        CalibrationError: the data do not fit the network, or NaN or infinity reached a site (named).
    """
    observed = graph.view()
    observers: dict[str, _Values] = {}
    for node in observed.op_nodes():
        op = op_of(node)
        if op.name in activations:
            observers[op.name] = _Values(op, observed.module_of(node), activations[op.name])
            stand_in(observed, node, observers[op.name])
    observe(observed, batches)
    return {name: observer.scale() for name, observer in observers.items()}


class _Values(HistogramObserver):
    def __init__(self, op: Op, rectifier: nn.Module, wanted: Activation) -> None:
        super().__init__(op, rectifier, wanted.granularity, BINS)
        self.wanted = wanted

    def scale(self) -> Tensor:
        counts, values = self.histogram.counts, self.histogram.centres()
        assert counts is not None
        counts, values = counts[:, 1:], values[:, 1:]  # zeros stay zeros
        largest = self.histogram.quantile(1.0)

        def error(bound: Tensor) -> Tensor:
            log_bound = bound.to(values.dtype).unsqueeze(1).log()
            return (counts * (self.wanted(values, log_bound) - values).square()).sum(1)

        best = least_error(largest, CANDIDATES, error)
        fallback = best.max() if bool(largest.any()) else torch.full_like(best.max(), self.wanted.bound)
        return self.shaped(torch.where(largest > 0, best, fallback))
