"""The demonstration network and its shipped weights."""

from __future__ import annotations

from importlib.resources import as_file, files

from torch import Tensor, nn
from torch.nn import functional as F

from isospike.models.weights import load_weights

WEIGHTS = "digits.safetensors"


class Block(nn.Module):
    """Two convolutions and a shortcut, which is a 1 x 1 convolution where the channels change."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """``[B, channels_in, H, W]`` to ``[B, channels, H, W]``; the one ReLU module serves twice."""
        y: Tensor = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))
        return y


class DigitsNet(nn.Module):
    """Residual network for digits of 8 x 8 pixels, about 55,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 32, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(32)
        self.block1 = Block(32, 32)
        self.pool = nn.MaxPool2d(2)
        self.block2 = Block(32, 48)
        self.head = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[B, 1, 8, 8]`` with values 0 to 1, to scores ``[B, 10]``."""
        x = F.relu(self.bn(self.stem(x)))
        x = self.block2(self.pool(self.block1(x)))
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        scores: Tensor = self.head(x)
        return scores


def load_digits_net() -> DigitsNet:
    """The trained network, in evaluation mode, on the CPU.

    Raises:
        WeightsError: the shipped weights are missing or damaged.
    """
    model = DigitsNet()
    with as_file(files("isospike.demo") / WEIGHTS) as path:
        load_weights(model, path)
    return model.eval()
