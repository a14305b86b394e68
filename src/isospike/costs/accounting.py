"""The account of a spiking network: every operation counted, and what is not counted named."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from isospike.calibrate.batches import Batch
from isospike.costs.costs import Costs
from isospike.costs.ledger import LEDGERS
from isospike.costs.trace import trace
from isospike.data.reading import Layout, looked_ahead, read_batches
from isospike.errors import SimulationError
from isospike.messages import with_article
from isospike.network import SNN, asked_steps
from isospike.precision import own_precision
from isospike.progress import Progress, reporting, told


@torch.no_grad()
@own_precision()
def account(
    snn: SNN,
    batches: Iterable[Batch],
    *,
    steps: int | Iterable[int] | None = None,
    progress: Progress = True,
    layout: Layout | None = None,
) -> dict[int, Costs]:
    """What a network costs after each number of steps, from one run to the largest.

    A *synaptic operation* is one event (a packet, whatever it is worth) through one synapse. With ``n`` the number of
    events of every neuron, an op with weights costs ``sum(conv_1(n))``, ``conv_1`` the same op with all its weights
    one: its padding has no neurons, its stride leaves some out. Pools, means, interpolations and factors between
    neurons and weights are folded into the weights. An addition of a spike to a current, as in an identity shortcut,
    costs one. What reads the image, currents or an analogue island costs *multiply-accumulates*, counted in the same
    way: those with the image once, the others at every step.

    A neuron is updated at every step; an accumulate-then-emit neuron at every step of its own train, a PASC neuron
    ``2 T_in + 2 M + L`` times (`if_operations`). Memory traffic is one weight read for every synaptic operation and
    multiply-accumulate, and one membrane read and written for every neuron update, in the network's number format.

    Args:
        snn: the network; it is not changed.
        batches: images ``[B, ...]``, or ``(images, targets)``. Of sequences ``[T, B, ...]`` what reads the input counts
            at every step.
        steps: one number of steps or several; an accumulate-then-emit network has its own, a calibrated one runs once
            for each that it was calibrated for, which are the default.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        layout: where the time of sequences is; ``batch-first`` for ``[B, T, ...]``.

    Raises:
        DataError: there is no batch, one without an image, or the data's own code raised.
        SimulationError: no `SNN`, or images or steps do not fit the network.
    """
    if not isinstance(snn, SNN):
        raise SimulationError(f"the network is {with_article(snn)}; account takes what isospike.convert or load gives")
    at = asked_steps(snn, steps)
    _, data = looked_ahead(
        read_batches(batches, shape=snn.graph.input_shape, layout=layout, steps=max(at), names=snn.graph.input_names)
    )
    wiring = trace(snn)
    ledgers = [LEDGERS[snn.kind](snn.for_steps(part[-1]), wiring, part) for part in snn.runs_for(at)]
    rank = 1 + len(snn.graph.input_shape)
    with reporting(progress) as report:
        for given in told(data, report, "accounting", of=batches):
            if isinstance(given.inputs, Tensor) and given.inputs.dim() != rank + given.sequence:
                raise SimulationError(
                    f"a batch has shape {list(given.inputs.shape)}, an account takes images [B, "
                    f"{', '.join(map(str, snn.graph.input_shape))}], or sequences of them with time first"
                )
            for ledger in ledgers:
                ledger.add(given)
    return {steps: costs for ledger in ledgers for steps, costs in ledger.costs().items()}
