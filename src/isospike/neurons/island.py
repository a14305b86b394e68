"""Analogue islands: any function of activations, computed on the decoded values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from isospike.memory_format import empty_sequence
from isospike.neurons.temporal import Memory

Function = Callable[[Sequence[Tensor]], Tensor]
"""From flat batches ``[T * B, ...]`` to one flat batch."""


def start_island(inputs: Sequence[Tensor]) -> Memory:
    """Zero running sums for inputs ``[B, ...]``."""
    return {f"sum{index}": torch.zeros_like(x) for index, x in enumerate(inputs)}


def advance_island(function: Function, inputs: Sequence[Tensor], memory: Memory, *, elapsed: int) -> Tensor:
    """Outputs whose running mean is the function of the running means of the inputs, at every step.

    With ``m_t`` the mean of the inputs over steps ``1..t``, the output at step ``t`` is
    ``t f(m_t) - (t - 1) f(m_(t-1))``, so that the outputs up to ``t`` sum to ``t f(m_t)``. Where ``t f(m_t)`` is beyond
    all numbers, behind a mask of minus infinity or the smallest number, it is ``f(m_t)``, whose mean is that too.

    Args:
        function: from flat batches to one flat batch.
        memory: running sums and the last total, updated in place.
        inputs: sequences ``[T, B, ...]``.
        elapsed: number of steps before these.

    Returns:
        The outputs ``[T, B, ...]``.
    """
    steps = inputs[0].shape[0]
    decoded = [_running_means(x, memory[f"sum{index}"], elapsed) for index, x in enumerate(inputs)]
    value = function([x.flatten(0, 1) for x in decoded]).unflatten(0, (steps, -1))
    time = torch.arange(elapsed + 1, elapsed + steps + 1, device=value.device).to(value.dtype)
    totals = value * time.view(-1, *(1,) * (value.dim() - 1))
    before = memory.get("total", torch.zeros_like(totals[0]))
    memory["total"] = totals[-1].clone()
    return torch.where(totals.isfinite(), torch.diff(totals, dim=0, prepend=before.unsqueeze(0)), value)


def _running_means(x: Tensor, total: Tensor, elapsed: int) -> Tensor:
    means = empty_sequence(x)
    for index, (value, mean) in enumerate(zip(x.unbind(), means.unbind(), strict=True)):
        torch.div(total.add_(value), elapsed + index + 1, out=mean)
    return means
