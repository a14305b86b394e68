"""All steps of streaming neurons in one pass over their state."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import torch
from torch import Tensor

from isospike.errors import SimulationError
from isospike.kernels.library import outcome
from isospike.kernels.operators import operator
from isospike.kernels.tracker_loop import TrackerRule, advance_by_torch
from isospike.memory_format import broadcasts_to

SMALLEST_PART = 2**15
"""Fewest neurons times steps that are worth a thread of their own: some ten microseconds of work."""


class _Rule(ctypes.Structure):
    """The rule as the kernel reads it."""

    _fields_ = [(name, ctypes.c_int32) for name in TrackerRule._fields]


def track(
    x: Tensor, out: Tensor, v: Tensor, n: Tensor | None, threshold: Tensor, biases: Tensor | None, rule: TrackerRule
) -> Tensor:
    """Advance neurons by T steps, writing ``out``, ``v`` and ``n``.

    Args:
        x: currents ``[T, B, ...]``; may be one step expanded along ``T``.
        out: outputs ``[T, B, ...]``; may be ``x``.
        v: membrane potentials ``[B, ...]``.
        n: net spikes so far ``[B, ...]``, which do not fall below zero; ``None`` where nothing bounds them.
        threshold: broadcastable to one sample.
        biases: ``[1, ...]`` for all steps or ``[T, ...]``, the rest broadcastable to one sample.
        rule: the limits.

    Returns:
        Spikes and packets, int64 ``[2, T, B]``.

    Raises:
        SimulationError: the tensors do not fit each other.
    """
    counts: Tensor = _track(x, out, v, n, threshold, biases, *rule)
    return counts


def _track_by_torch(
    x: Tensor, out: Tensor, v: Tensor, n: Tensor | None, threshold: Tensor, biases: Tensor | None, *rule: Any
) -> Tensor:
    _check(x, out, v, n, threshold, biases)
    return advance_by_torch(x, out, v, n, threshold, biases, TrackerRule(*rule))


def _track_on_cpu(
    x: Tensor, out: Tensor, v: Tensor, n: Tensor | None, threshold: Tensor, biases: Tensor | None, *rule: Any
) -> Tensor:
    """The kernel in C; torch where there is none for the type or the layout."""
    _check(x, out, v, n, threshold, biases)
    library = outcome(x.dtype)
    layout = torch.channels_last if _is(v, torch.channels_last) else torch.contiguous_format
    if not isinstance(library, ctypes.CDLL) or x.numel() == 0 or not _fit(x, out, [v] if n is None else [v, n], layout):
        return advance_by_torch(x, out, v, n, threshold, biases, TrackerRule(*rule))
    steps, samples = x.shape[:2]
    neurons = math.prod(x.shape[2:])
    theta = threshold.expand(1, *v.shape[1:]).contiguous(memory_format=layout)
    bias = None if biases is None else _as_sample(biases, v, layout)
    parts = max(1, min(torch.get_num_threads(), x.numel() // SMALLEST_PART))
    counts = torch.zeros(parts, 2, steps, samples, dtype=torch.int64)
    library.track(
        ctypes.byref(_Rule(*rule)),
        *(x.data_ptr(), x.stride(0) if steps > 1 else 0, theta.data_ptr()),
        *(None if bias is None else bias.data_ptr(), 0 if bias is None or len(bias) == 1 else neurons),
        *(v.data_ptr(), None if n is None else n.data_ptr(), out.data_ptr()),
        *(steps, samples, neurons, parts, counts.data_ptr()),
    )
    return counts[0] if parts == 1 else counts.sum(0)


def _check(x: Tensor, out: Tensor, v: Tensor, n: Tensor | None, threshold: Tensor, biases: Tensor | None) -> None:
    """All tensors have one type and device, and the shapes that the kernel goes through."""
    neurons = x.shape[2:]
    given = [tensor for tensor in (out, v, n, threshold, biases) if tensor is not None]
    fits = all(tensor.dtype == x.dtype and tensor.device == x.device for tensor in given)
    fits &= x.shape == out.shape and v.shape == x.shape[1:] and (n is None or n.shape == v.shape)
    fits &= broadcasts_to(threshold.shape, neurons)
    fits &= biases is None or (len(biases) in (1, len(x)) and broadcasts_to(biases.shape[1:], neurons))
    if not fits:
        raise SimulationError(
            f"the parameters of neurons do not fit currents {list(x.shape)} of {x.dtype}: "
            + ", ".join(f"{list(tensor.shape)} of {tensor.dtype}" for tensor in given)
        )


def _is(x: Tensor, layout: torch.memory_format) -> bool:
    return (x.dim() == 4 or layout is not torch.channels_last) and x.is_contiguous(memory_format=layout)


def _fit(x: Tensor, out: Tensor, state: list[Tensor], layout: torch.memory_format) -> bool:
    """Whether every step has the layout, and steps follow each other in memory, or those of ``x`` are one."""
    first = x[0]
    step = first.numel()
    if x.shape[0] > 1 and (x.stride(0) not in (0, step) or out.stride(0) != step):
        return False
    return all(_is(tensor, layout) for tensor in (first, out[0], *state))


def _as_sample(parameter: Tensor, v: Tensor, layout: torch.memory_format) -> Tensor:
    """``[S, ...]`` for every neuron of a sample of ``v``, in its layout."""
    rest = parameter.shape[1:]
    aligned = parameter.view(len(parameter), *(1,) * (v.dim() - 1 - len(rest)), *rest)
    return aligned.expand(len(parameter), *v.shape[1:]).contiguous(memory_format=layout)


_track = operator(
    "track(Tensor x, Tensor(a!) out, Tensor(b!) v, Tensor(c!)? n, Tensor threshold, Tensor? biases, "
    "int up, int down, int rounding, bool powers_of_two, bool digits) -> Tensor",
    torch_twin=_track_by_torch,
    cpu=_track_on_cpu,
    shapes=lambda x, *_: x.new_empty((2, x.shape[0], x.shape[1]), dtype=torch.int64),
)
