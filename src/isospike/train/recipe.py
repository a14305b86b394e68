"""How a network is trained; the instance is the configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from isospike.activations.sparsity import BitGradient
from isospike.options import Configuration, Count, CountOrZero, Decay, NotNegative, Positive, Share

Precision = Literal["float32", "bfloat16", "float16"]
"""Type of activations and gradients under autocast; weights stay float32."""
Crop = Literal["none", "padded", "resized"]
"""How a random part of an image is chosen."""
Policy = Literal["none", "cifar10", "imagenet", "svhn"]
"""Policies of AutoAugment (Cubuk et al. 2019)."""
SMALL = 32
"""Pixels a side below which a shift or a mirror makes another image: digits, small symbols."""


@dataclass(frozen=True, kw_only=True)
class Recipe(Configuration):
    """Stochastic gradient descent with momentum, cosine decay and the usual augmentation of images.

    The rate at optimiser step ``i`` of ``n`` is ``learning_rate (1 + cos(pi i / n)) / 2``. The defaults fine-tune a
    ReLU network for CIFAR-10; from scratch take several hundred epochs and ``auto_augment`` with ``cutout``. Images of
    less than 32 pixels a side are neither cropped nor mirrored unless the recipe says so.
    """

    epochs: Count = 30
    """Passes over the training images."""
    batch_size: Count = 128
    """Images of one optimiser step, over all processes; the rest of an epoch that fills no batch is left out."""
    learning_rate: Positive = 0.02
    """First learning rate of the cosine schedule."""
    bound_learning_rate: NotNegative | None = None
    """First learning rate of the bounds, whose logarithms are trained; by default that of everything else."""
    momentum: Decay = 0.9
    """Momentum of gradient descent."""
    weight_decay: NotNegative = 5e-4
    """L2 penalty on the weights of convolutions and linear layers, not on biases, normalisation or bounds."""
    distillation: NotNegative = 0.0
    """Temperature at which the outputs of a teacher, the unquantised network, take the place of labels; 0: labels."""
    label_smoothing: Decay = 0.0
    """Share of the target spread over all classes."""
    crop: Crop | None = None
    """Random crops: none, padded (zeros around, then the old size) or resized (random area and aspect); by default
    padded for images of at least 32 pixels a side, else none."""
    crop_padding: CountOrZero = 4
    """Pixels of padding on every side for padded crops."""
    flip: bool | None = None
    """Mirror half of the images, left to right; by default those of at least 32 pixels a side."""
    auto_augment: Policy = "none"
    """Policy of AutoAugment: none, cifar10, imagenet or svhn."""
    colour_jitter: Decay = 0.0
    """Brightness, contrast and saturation times a random factor from 1 - this to 1 + this; 0 for none."""
    cutout: CountOrZero = 0
    """Side in pixels of a square set to the mean colour in every image; 0 for none."""
    random_erasing: Share = 0.0
    """Share of the images in which a random rectangle is set to the mean colour (Zhong et al. 2020)."""
    precision: Precision = "float32"
    """Autocast: float32 (none), bfloat16 or float16 (with loss scaling, not on a CPU)."""
    channels_last: bool = True
    """Keep channels innermost in memory, which convolutions are fastest in."""
    accumulation: Count = 1
    """Parts into which a batch is split to save memory; their gradients are added up."""
    ema: Decay = 0.0
    """Decay of an exponential moving average of the weights, which is then the result; 0 for none."""
    bit_sparsity: NotNegative = 0.0
    """Coefficient of the number of ones in the binary codes, summed over the batch; 0 for none, 1e-8 for CIFAR."""
    bit_gradient: BitGradient = "bits"
    """Gradient of that number: bits or code."""
    workers: CountOrZero = 0
    """Processes that read images for each training process; the result does not depend on it."""
    seed: CountOrZero = 0
    """Seed of the order of the images, of the augmentation and of random layers."""

    def __post_init__(self) -> None:
        """Check what depends on several."""
        super().__post_init__()
        smooths = bool(self.distillation and self.label_smoothing)
        self.require(not smooths, "label_smoothing", "0 with distillation, which uses no labels")
        divides = self.batch_size % self.accumulation == 0
        self.require(divides, "accumulation", f"a divisor of the batch size {self.batch_size}")

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of optimiser step ``step`` of ``steps``, counted from 0."""
        return self.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2

    @property
    def bound_factor(self) -> float:
        """The learning rate of the bounds over that of everything else, at every step."""
        return 1.0 if self.bound_learning_rate is None else self.bound_learning_rate / self.learning_rate

    def for_images(self, height: int, width: int) -> Recipe:
        """The recipe with crops and mirroring as it says, or as images of this size want them."""
        small = min(height, width) < SMALL
        crop: Crop = "none" if small else "padded"
        return replace(self, crop=self.crop or crop, flip=not small if self.flip is None else self.flip)

    def augmentation(self) -> str:
        """What is done to the images, in words; ``none`` for nothing."""
        crops = {"padded": f"padded crops ({self.crop_padding} pixels)", "resized": "resized crops"}
        said = {
            crops.get(self.crop or "none", ""): self.crop in crops,
            "mirroring": bool(self.flip),
            f"AutoAugment {self.auto_augment}": self.auto_augment != "none",
            f"colour jitter {self.colour_jitter:g}": self.colour_jitter > 0,
            f"cutout ({self.cutout} pixels)": self.cutout > 0,
            f"random erasing {self.random_erasing:g}": self.random_erasing > 0,
        }
        return ", ".join(what for what, done in said.items() if done) or "none"
