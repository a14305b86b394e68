"""A run of an accumulate-then-emit network: its own number of steps, an answer at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isospike.capture.structure import output_structure
from isospike.errors import SimulationError
from isospike.simulate.run import Job, Run, by_sample, check_tensor
from isospike.simulate.walk import Emissions, Walk

if TYPE_CHECKING:
    from isospike.network import SNN


NO_EARLIER_ANSWER = "its neurons emit only after their whole input has arrived, so no earlier answer exists"


def run_emitting(snn: SNN, job: Job, *, walk: type[Walk]) -> Run:
    """Run as many samples at once as the memory budget holds.

    Args:
        snn: a network of `Emitter` neurons.
        job: what to run.
        walk: how the network is gone through.

    Raises:
        SimulationError: steps, input or device do not fit the network.
    """
    assert snn.steps is not None
    _check(snn, job, snn.steps)
    program = snn.trains()
    size = walk.elements(program) * job.x.element_size()
    parts = job.x.split(max(1, job.memory_budget // size))
    whole = _joined([walk(program, job.record).run(part) for part in parts])
    output = output_structure(snn.graph.output_node)(whole.outputs)
    return Run(
        steps=snn.steps,
        output=output,
        answers={snn.steps: output},
        outputs=None,
        spikes=by_sample(whole.spikes, len(job.x)),
        packets=by_sample(whole.spikes, len(job.x)),
        state=None,
        codes=whole.codes if job.record.codes else None,
        inhibitory=whole.inhibitory,
    )


def _joined(parts: Sequence[Emissions]) -> Emissions:
    """Samples do not see each other, so parts of a batch are laid side by side."""
    known = [part.inhibitory for part in parts if part.inhibitory is not None]
    return Emissions(
        outputs=[torch.cat(pieces) for pieces in zip(*(part.outputs for part in parts), strict=True)],
        spikes=_side_by_side([part.spikes for part in parts], axis=1),
        codes=_side_by_side([part.codes for part in parts], axis=0),
        inhibitory=_side_by_side(known, axis=0) if known else None,
    )


def _side_by_side(parts: Sequence[dict[str, Tensor]], *, axis: int) -> dict[str, Tensor]:
    return {site: torch.cat([part[site] for part in parts], axis) for site in parts[0]}


def _check(snn: SNN, job: Job, own: int) -> None:
    if job.steps is not None and job.steps != own:
        raise SimulationError(
            f"this network takes {own} steps, {job.steps} were asked for; {NO_EARLIER_ANSWER}: leave steps out, "
            "or convert again with other bits or levels"
        )
    if any(at != own for at in job.record.at):
        raise SimulationError(
            f"answers asked for at steps {list(job.record.at)}, there is one, at {own}; {NO_EARLIER_ANSWER}"
        )
    if job.state is not None:
        raise SimulationError("this network's runs cannot be continued: it answers each image in one run")
    shape = snn.graph.input_shape
    if tuple(job.x.shape[1:]) != shape:
        raise SimulationError(
            f"the input has shape {list(job.x.shape)}, the network takes images [B, {', '.join(map(str, shape))}]"
        )
    check_tensor(snn, job.x)
    largest = 2 / torch.finfo(job.x.dtype).eps
    wide = [op for op in snn.sites if snn.graph.get_submodule(op).levels > largest]  # type: ignore[operator]
    if wide:
        raise SimulationError(
            f"site '{wide[0]}' has more levels than {job.x.dtype} has whole numbers; use a wider type with .to()"
        )
