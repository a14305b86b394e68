"""The certificate: is the spiking network the network that it was converted from?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from isospike.calibrate.batches import Batch
from isospike.convertible import check_weights
from isospike.data.reading import Layout, looked_ahead, read_batches
from isospike.errors import SimulationError
from isospike.graphs import Graph, capture, fold_batch_norm
from isospike.graphs.export import names_taken
from isospike.measure.alongside import Alongside
from isospike.measure.belonging import check_belongs, check_network, prepared
from isospike.measure.certificate import Certificate
from isospike.measure.deviation import Deviation
from isospike.measure.equality import Equality
from isospike.network import SNN, EmittingNetwork, StreamingNetwork
from isospike.precision import own_precision
from isospike.progress import Progress, reporting, told
from isospike.tasks import TaskChoice, choose_task


@torch.no_grad()
@own_precision()
def verify(
    model: nn.Module | Graph,
    snn: SNN,
    batches: Iterable[Batch],
    *,
    steps: int | None = None,
    dtype: torch.dtype = torch.float64,
    progress: Progress = True,
    task: TaskChoice = None,
    layout: Layout | None = None,
    executor: str | None = None,
) -> Certificate:
    """Compare a spiking network with the model that it was converted from, layer by layer.

    An accumulate-then-emit network must have the codes of the quantised ANN, which is the model, captured and folded
    anew, with its own trained quantisers, or the network's where it has none (or none with as many levels): stepped
    and collapsed codes, the spikes of every step and image, and the outputs. Networks on the binary grid are compared
    with the model on the same grid, bit for bit. A streaming network is measured: the mean output of every site beside
    the ANN's activation, and of neurons behind average pools beside the average.

    Args:
        model: the model, or its captured graph; it is not changed.
        snn: the network; it is not changed.
        batches: inputs; targets are ignored.
        steps: number of steps of a streaming network.
        dtype: number format in which both are run. In float32 about one code in a million lies within a rounding of
            a half step and may differ; float64 tells whether the networks are the same.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        task: what the answers are for, which says what their agreement is; by default what the network was converted
            for.
        layout: where the time of sequences is, see `isospike.convert`. A streaming network is run on their first
            steps, and the ANN sees the mean of these; an accumulate-then-emit network is given their mean.
        executor: see `simulate`; by default an accumulate-then-emit network is run with every one.

    Raises:
        TaskError: the task does not fit the outputs.
        SimulationError: no `SNN`, it is not one of this model, or steps or inputs do not fit.
        CaptureError: the model cannot be captured.
        ConversionError: the model holds NaN or infinity.
    """
    check_network(snn, "verify")
    settled = _settled(snn, steps)
    taken = settled if isinstance(snn, StreamingNetwork) else None
    how_read: dict[str, Any] = {"layout": layout, "steps": taken, "names": names_taken(model)}
    first, data = looked_ahead(read_batches(batches, shape=snn.graph.input_shape, **how_read))
    graph = model if isinstance(model, Graph) else capture(model, first.still)
    check_weights(graph)
    folded = fold_batch_norm(graph)
    placed = prepared(folded, snn.graph)
    check_belongs(placed, snn.graph)
    judged = choose_task(task, graph.output_shapes, stored=snn.task)
    how: dict[str, Any] = {"task": judged, "executor": executor}
    pair: Alongside[Any] = (
        Equality(placed, snn, dtype, **how, ann=folded)
        if isinstance(snn, EmittingNetwork)
        else Deviation(folded, snn.for_steps(settled), dtype, **how, steps=settled)
    )
    with reporting(progress) as report:
        for given in told(data, report, "verifying", of=batches):
            pair.add(given.to(dtype))
    return pair.certificate()


def _settled(snn: SNN, steps: int | None) -> int:
    settled = snn.settled_steps(steps)
    if settled is None:
        raise SimulationError("a streaming network equals its ANN only in the limit; say after how many steps")
    return settled
