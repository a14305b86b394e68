"""A trained CIFAR-10 network with quantised activations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

import isospike as iso
from isospike.activations import QCFS, TrainableActivation
from isospike.train import Recipe, fit

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TRAINING_CACHE = Path.home() / ".cache" / "isospike-data" / "cifar10_train.npz"
pytestmark = pytest.mark.skipif(
    not (DATA / "models.py").is_file() or not TRAINING_CACHE.is_file(), reason="the training images are not there"
)


@pytest.fixture(scope="module")
def training(models) -> TensorDataset:
    """256 training images."""
    stored = np.load(TRAINING_CACHE)
    chosen = np.random.default_rng(0).choice(len(stored["labels"]), 256, replace=False)
    images, labels = stored["images"][chosen], stored["labels"][chosen]
    return TensorDataset(models.cifar_input(images), torch.from_numpy(labels))


def test_resnet20_is_usable_before_and_better_after_a_little_training(models, training):
    x, labels = training.tensors
    ann = models.cifar_resnet(20)
    network = iso.quantise(ann, QCFS(levels=4), data=[x])
    assert sum(isinstance(module, TrainableActivation) for module in network.modules()) == 19
    with torch.no_grad():
        agreement = (network(x).argmax(1) == ann(x).argmax(1)).float().mean().item()
    assert agreement > 0.7
    assert (iso.quantise(ann, QCFS(levels=15), data=[x])(x).argmax(1) == ann(x).argmax(1)).float().mean() > agreement
    # three epochs end at 0.89 to 0.91, as the sums round; six leave that range behind
    trained = fit(network, training, Recipe(epochs=6, batch_size=64, learning_rate=0.01))
    assert trained.history[2].loss < 0.9 * trained.history[0].loss
    with torch.no_grad():
        assert (trained.model(x).argmax(1) == labels).float().mean() > 0.9
