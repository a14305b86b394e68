"""Time of streaming neurons per neuron and step, with the kernel in C and in torch, taking turns.

python benchmarks/neurons.py > benchmarks/results/neurons.json      # JSON on standard output, a table on standard error
"""

from __future__ import annotations

import json
import statistics
import sys
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from isospike.memory_format import channels_last
from isospike.neurons import StreamingNeuron, streaming
from kernel_options import kernel_options
from machine import describe
from rounds import ratio, stopwatch, take_turns

STEPS, BATCH, CHANNELS, SIDE = 16, 16, 64, 16
"""A layer of ResNet-18 on CIFAR images."""


@torch.inference_mode()
def measure(dtype: torch.dtype, repeats: int) -> dict[str, Any]:
    """Nanoseconds per neuron and step of every neuron, and time in torch over time in the kernel."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(STEPS * BATCH, CHANNELS, SIDE, SIDE, generator=generator, dtype=dtype)
    x = channels_last(frames).unflatten(0, (STEPS, BATCH))
    theta = torch.rand(CHANNELS, 1, 1, generator=generator, dtype=dtype) + 0.5
    return {name: _compare(kind(theta, theta / 2), x, repeats) for name, kind in streaming.items()}


def _compare(neuron: StreamingNeuron, x: Tensor, repeats: int) -> dict[str, Any]:
    timers = {
        "native": stopwatch(partial(_advance, neuron, x)),
        "torch": stopwatch(partial(_advance_in_torch, neuron, x)),
    }
    seconds = take_turns(timers, repeats, warm_up=True)
    nanoseconds = {name: 1e9 * statistics.median(times) / x.numel() for name, times in seconds.items()}
    return {"nanoseconds": nanoseconds, "torch_over_native": ratio(seconds["torch"], seconds["native"])["median"]}


def _advance(neuron: StreamingNeuron, x: Tensor) -> None:
    neuron.advance(x, neuron.start(x[0]), overwrite=False)


def _advance_in_torch(neuron: StreamingNeuron, x: Tensor) -> None:
    with mock.patch("isospike.neurons.tracker.track", return_value=None):
        _advance(neuron, x)


def main() -> None:
    options = kernel_options(__doc__)
    figures = {str(dtype): measure(dtype, options.repeats) for dtype in (torch.float32, torch.float64)}
    print(json.dumps({"machine": describe(), "arguments": vars(options), "neurons": figures}, indent=2))
    for dtype, row in figures.items():
        for name, figure in row.items():
            times = figure["nanoseconds"]
            print(
                f"{dtype:>14} {name:>20}  native {times['native']:5.2f} ns  torch {times['torch']:5.2f} ns  "
                f"torch / native {figure['torch_over_native']:.1f}",
                file=sys.stderr,
            )


if __name__ == "__main__":
    main()
