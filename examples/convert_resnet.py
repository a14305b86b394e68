"""Convert a torchvision ResNet, measure it beside the original, save it and load it again.

    python examples/convert_resnet.py

Weights, images and labels are random here, so only the agreement with the original says something; put a trained model
and data loaders in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

import isospike as iso

Batches = Sequence[tuple[Tensor, Tensor]]


def convert_and_measure(model: nn.Module, calibration: Batches, test: Batches, path: Path) -> iso.Evaluation:
    """The accuracy curve of the converted model, which is left in ``path``."""
    snn = iso.convert(model, iso.methods.Percentile(), data=calibration)
    curve = iso.evaluate(snn, test, steps=[8, 16, 32])
    for steps, agreement in curve.agreement.items():
        print(f"T={steps}: the model's class on {agreement:.0%} of images, {curve.spikes[steps]:.0f} spikes per image")
    snn.save(path)
    images, _ = test[0]
    assert torch.equal(iso.load(path)(images, steps=8), snn(images, steps=8))
    return curve


def random_batches(count: int, shape: tuple[int, ...], classes: int) -> Batches:
    """``count`` batches of 4 images of ``shape`` with labels."""
    return [(torch.randn(4, *shape), torch.randint(classes, (4,))) for _ in range(count)]


def main() -> None:
    """A ResNet-18 on images of 64 x 64 pixels."""
    from torchvision.models import resnet18

    torch.manual_seed(0)
    model = resnet18(weights=None).eval()
    print(iso.inspect(model, torch.randn(2, 3, 64, 64)))
    batches = random_batches(4, (3, 64, 64), classes=1000)
    convert_and_measure(model, batches[:2], batches[2:], Path("resnet18.snn"))


if __name__ == "__main__":
    main()
