"""A trained CIFAR-10 network, on real images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import isospike as iso

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TRAINING_CACHE = Path.home() / ".cache" / "isospike-data" / "cifar10_train.npz"
pytestmark = pytest.mark.skipif(not (DATA / "models.py").is_file(), reason="../shared/data is not there")


@pytest.fixture(scope="module")
def calibration(models) -> list[torch.Tensor]:
    """500 training images; without them, of the last 1000 test images, which are not measured."""
    images = np.load(TRAINING_CACHE)["images"] if TRAINING_CACHE.is_file() else models.cifar10("test")[0][-1000:]
    chosen = np.random.default_rng(0).choice(len(images), 500, replace=False)
    return list(models.cifar_input(images[chosen]).split(10))


def test_resnet20_keeps_its_classes(models, calibration):
    model = models.cifar_resnet(20)
    # maths 4.2: one activation in 2 K = 400 lies above its threshold
    snn = iso.convert(model, iso.methods.LocalThresholdBalancing(iterations=200), data=calibration)
    assert len(snn.sites) == 19
    images, labels = models.cifar10("test")
    loader = [
        (part, truth)
        for part, truth in zip(
            models.cifar_input(images[:100]).split(25), torch.from_numpy(labels[:100]).split(25), strict=True
        )
    ]
    result = iso.evaluate(snn, loader, steps=[8, 64])
    assert result.images == 100
    assert result.ann > 0.85
    assert result.agreement[64] >= 0.9
    assert result.agreement[64] > result.agreement[8]
    with torch.no_grad():
        expected, got = model(loader[0][0]), snn.ann()(loader[0][0])
    # float32, 20 layers with their normalisation folded: about a thousand roundings
    assert (expected - got).abs().max() <= 1e-4 * expected.abs().max()


def test_resnet20_is_its_quantised_self(models, calibration):
    """Training-free, channel maxima: 5 bits keep the classes; the certificate holds in float64 and on the grid."""
    model = models.cifar_resnet(20)
    images, labels = models.cifar10("test")
    x = models.cifar_input(images[:100])
    snn = iso.convert(model, iso.methods.BitCoded(bits=5), data=calibration)
    result = iso.evaluate(snn, [(x, torch.from_numpy(labels[:100]))])
    assert list(result.metric) == [5]
    assert result.agreement[5] >= 0.9
    exact = iso.convert(model, iso.methods.Pascal(levels=8, exact=True), data=calibration[:2])
    for network in (snn, exact):
        found = iso.verify(model, network, [x[:3]])
        assert found.exact, found.first_difference
