"""What is kept of the chunks of a run besides the answers."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.executors.executor import Chunk
from isospike.executors.run import RunJob


class Recorder:
    """Keeps outputs, events, codes of all samples of a run, as its record asks.

    Args:
        job: what is run.
        every_step: whether the outputs of a chunk are those of its steps.
    """

    def __init__(self, job: RunJob, *, every_step: bool) -> None:
        self.job, self.every_step = job, every_step
        self.spikes: dict[str, Tensor] = {}
        self.packets: dict[str, Tensor] = {}
        self.codes: dict[str, Tensor] = {}
        self.inhibitory: dict[str, Tensor] | None = None
        self._outputs: list[list[Tensor]] = []

    def add(self, chunk: Chunk, start: int, steps: int, *, rows: Tensor | None) -> None:
        """Keep what a chunk brings.

        Args:
            chunk: the chunk.
            start: steps of this run before it.
            steps: its own.
            rows: the samples that ran it; ``None``: all.
        """
        if self.job.record.outputs and self.every_step:
            self._outputs.append([y.contiguous() for y in chunk.outputs])
        if self.job.record.spikes:
            whole = start == 0 and steps == self.job.steps and rows is None
            for site, events in chunk.events.items():
                self._keep(self.spikes, site, events.spikes, None if whole else start, rows)
                self._keep(self.packets, site, events.packets, None if whole else start, rows)
        self.codes |= chunk.codes
        self.inhibitory = chunk.inhibitory

    def _keep(self, kept: dict[str, Tensor], site: str, part: Tensor, start: int | None, rows: Tensor | None) -> None:
        """Write counts to memory taken once: many small tensors kept would break up the heap."""
        part = _by_sample(part, self.job.batch if rows is None else len(rows))
        if start is None:  # all there is: trains of networks that emit have lengths of their own
            kept[site] = part
            return
        if site not in kept:
            assert self.job.steps is not None
            kept[site] = part.new_zeros(self.job.steps, self.job.batch)
        place = kept[site][start : start + len(part)]
        if rows is None:
            place.copy_(part)
        else:
            place[:, rows] = part

    @property
    def outputs(self) -> list[Tensor] | None:
        """Flat outputs of every step ``[T, B, ...]``, where they were kept."""
        return [torch.cat(parts) for parts in zip(*self._outputs, strict=True)] if self._outputs else None


def _by_sample(counts: Tensor, batch: int) -> Tensor:
    """Counts ``[T, B]``; where a reshape made several rows of a sample, ``[T, B * rows]``, their sums."""
    return counts if counts.shape[1] == batch else counts.unflatten(1, (batch, -1)).sum(2)
