"""The networks every benchmark times, drawn from a seed.

The file needs only torch and numpy, so that a peer library can run the same network in its own
environment. For one seed the weights are the same, bit by bit, under every torch version:

* weights come from ``numpy.random.default_rng``, not from torch's initialisers;
* the running statistics of the batch normalisations come from forward passes in float64 whose
  results are rounded to 12 significant bits. Versions and thread counts sum in another order
  and differ near 1e-15 relative; the rounding step is 2.4e-4, so they round to the same number.

The networks are untrained: they serve to measure time, memory and spike counts, never accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

CLASSES = 10
_STATISTICS_PASSES = 2
_STATISTICS_BATCH = 16
_SIGNIFICANT_BITS = 12


class BasicBlock(nn.Module):
    """Residual block of He et al. 2016: ``relu(bn(conv(relu(bn(conv(x))))) + shortcut(x))``.

    Shapes: ``[B, C_in, H, W] -> [B, C_out, H / stride, W / stride]``.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        joined: Tensor = self.relu2(self.bn2(self.conv2(out)) + self.shortcut(x))
        return joined


class CifarResNet(nn.Module):
    """ResNet for CIFAR: 3x3 stem, stages of equal blocks, the later ones with stride 2, a mean over what is left.

    Shapes: ``[B, 3, 32, 32] -> [B, 10]``.
    """

    def __init__(self, widths: Sequence[int], blocks_per_stage: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU()
        blocks: list[nn.Module] = []
        channels_in = widths[0]
        for stage, channels_out in enumerate(widths):
            for block in range(blocks_per_stage):
                blocks.append(BasicBlock(channels_in, channels_out, 2 if stage and not block else 1))
                channels_in = channels_out
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AvgPool2d(32 >> (len(widths) - 1))
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(widths[-1], CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        scores: Tensor = self.fc(self.flatten(self.pool(self.blocks(x))))
        return scores


def _vgg16() -> nn.Sequential:
    """VGG-16 with batch normalisation for 32x32 images; average instead of maximum pooling."""
    layers: list[nn.Module] = []
    channels_in = 3
    for stage in ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)):
        for channels_out in stage:
            layers += [
                nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels_out),
                nn.ReLU(),
            ]
            channels_in = channels_out
        layers.append(nn.AvgPool2d(2))
    layers += [nn.Flatten(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU()]
    layers.append(nn.Linear(512, CLASSES))
    return nn.Sequential(*layers)


def resnet18_cifar(seed: int) -> nn.Module:
    """The CIFAR ResNet-18 (17 ReLU modules, 11.17 million parameters) drawn from ``seed``, in eval mode, float32."""
    return _initialised(CifarResNet((64, 128, 256, 512), 2), seed)


def resnet20_cifar(seed: int) -> nn.Module:
    """The CIFAR ResNet-20 (19 ReLU modules, 0.27 million parameters) drawn from ``seed``, in eval mode, float32."""
    return _initialised(CifarResNet((16, 32, 64), 3), seed)


def vgg16_cifar(seed: int) -> nn.Module:
    """The CIFAR VGG-16 (average pooling, 15 ReLU modules) drawn from ``seed``, in eval mode, float32."""
    return _initialised(_vgg16(), seed)


NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "resnet18-cifar": resnet18_cifar,
    "resnet20-cifar": resnet20_cifar,
    "vgg16-cifar": vgg16_cifar,
}


def inputs(batch: int, seed: int) -> Tensor:
    """Standard normal noise in the place of normalised images, float32 ``[batch, 3, 32, 32]``."""
    return torch.from_numpy(_noise(np.random.default_rng([seed, 1]), batch).astype(np.float32))


def _noise(rng: np.random.Generator, batch: int) -> np.ndarray:
    return rng.standard_normal((batch, 3, 32, 32))


@torch.no_grad()
def _initialised(network: nn.Module, seed: int) -> nn.Module:
    """Fill ``network`` from ``seed``.

    Weights: N(0, 2 / fan_in) (He et al. 2015); biases 0. Batch normalisation: scale uniform in
    [0.5, 1.5], shift N(0, 0.1²), so that the channels differ as those of a trained network do.
    """
    rng = np.random.default_rng([seed, 0])
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = module.weight[0].numel()
            drawn = rng.standard_normal(tuple(module.weight.shape)) * np.sqrt(2.0 / fan_in)
            module.weight.copy_(torch.from_numpy(drawn.astype(np.float32)))
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            scale = rng.uniform(0.5, 1.5, module.num_features).astype(np.float32)
            shift = (0.1 * rng.standard_normal(module.num_features)).astype(np.float32)
            module.weight.copy_(torch.from_numpy(scale))
            module.bias.copy_(torch.from_numpy(shift))
    return _with_running_statistics(network, rng)


def _with_running_statistics(network: nn.Module, rng: np.random.Generator) -> nn.Module:
    """Set the running mean and variance of every batch normalisation from seeded noise."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the plain mean over the passes
    network.double().train()
    for _ in range(_STATISTICS_PASSES):
        network(torch.from_numpy(_noise(rng, _STATISTICS_BATCH)))
    for norm in norms:
        norm.momentum = 0.1
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(_rounded(norm.running_mean))
        norm.running_var.copy_(_rounded(norm.running_var))
    return network.float().eval()


def _rounded(values: Tensor) -> Tensor:
    """``values`` rounded to 12 significant bits: exact in float32, equal under every summing order."""
    mantissa, exponent = torch.frexp(values)
    return torch.ldexp(torch.round(mantissa * 2.0**_SIGNIFICANT_BITS), exponent - _SIGNIFICANT_BITS)
