"""Time of the convolution that skips zeros over that of the dense one, by width and density of the input.

python benchmarks/density.py > benchmarks/results/density.json      # JSON on standard output, a table on standard error
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from isospike.kernels import SparseConvolution
from isospike.memory_format import channels_last, weights_channels_last
from kernel_options import kernel_options
from machine import describe
from rounds import ratio, stopwatch, take_turns

LAYERS = ((16, 32), (32, 16), (64, 32), (128, 16), (256, 8), (512, 4))
"""Channels in and out, and the side of the map: those of ResNet-20 and ResNet-18 on CIFAR images."""
DENSITIES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
BATCH = 32


@torch.inference_mode()
def measure(repeats: int) -> dict[str, Any]:
    """Median ratio of every layer and density, the two taking turns."""
    generator = torch.Generator().manual_seed(0)
    return {
        f"{channels} channels, {side}x{side}": {
            str(density): _ratio(channels, _input(channels, side, density, generator), repeats) for density in DENSITIES
        }
        for channels, side in LAYERS
    }


def _input(channels: int, side: int, density: float, generator: torch.Generator) -> Tensor:
    some = torch.rand(BATCH, channels, side, side, generator=generator) < density
    return channels_last(some * 0.7)


def _ratio(channels: int, x: Tensor, repeats: int) -> float:
    dense = nn.Conv2d(channels, channels, 3, padding=1)
    weights_channels_last(dense)
    timers = {"dense": stopwatch(partial(dense, x)), "sparse": stopwatch(partial(SparseConvolution(dense), x))}
    seconds = take_turns(timers, repeats, warm_up=True)
    median: float = ratio(seconds["sparse"], seconds["dense"])["median"]
    return median


def main() -> None:
    options = kernel_options(__doc__)
    result = {"machine": describe(), "arguments": vars(options), "sparse_over_dense": measure(options.repeats)}
    print(json.dumps(result, indent=2))
    for layer, row in result["sparse_over_dense"].items():
        print(f"{layer:>22}", *(f"{density}: {value:.2f}" for density, value in row.items()), file=sys.stderr)


if __name__ == "__main__":
    main()
