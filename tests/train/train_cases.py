"""A small network with everything that has a state, and data for it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

import isospike as iso
from isospike.train import Recipe

RECIPE = Recipe(
    epochs=4,
    batch_size=16,
    learning_rate=0.05,
    bound_learning_rate=0.02,
    ema=0.8,
    accumulation=2,
    label_smoothing=0.1,
    seed=3,
)


def network() -> nn.Module:
    """Quantised, with batch normalisation and with dropout behind the scores."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(4, 3)),
    ).eval()
    quantised = iso.quantise(model, iso.activations.QCFS(levels=3, granularity="channel"), data=[inputs(16)])
    return nn.Sequential(quantised, nn.Dropout(0.2))


def inputs(count: int) -> Tensor:
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def batches(count: int = 70) -> TensorDataset:
    """Noise with a band of rows, columns or neither brightened, which is the class."""
    x, labels = inputs(count) / 2, torch.arange(count) % 3
    x[labels == 1, :, 2:5] += 1
    x[labels == 2, :, :, 2:5] += 1
    return TensorDataset(x, labels)


class Killed(Exception):
    pass


def killing_after(steps: int):
    left = steps

    def count(what: str, done: int, total: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    return count


def linear(classes: int = 3) -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Flatten(), nn.Linear(64, 8), iso.activations.QCFS(levels=3).module(2.0), nn.Linear(8, classes))
    return nn.Sequential(*layers).double()


def same(a: nn.Module, b: nn.Module) -> bool:
    first, second = a.state_dict(), b.state_dict()
    return list(first) == list(second) and all(torch.equal(first[key], second[key]) for key in first)
