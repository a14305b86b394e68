"""The recipe is a checked configuration."""

from __future__ import annotations

import dataclasses
import math

import pytest

from isospike.errors import OptionError
from isospike.options import options_of as fields_of
from isospike.train import Recipe

WRONG = {
    **dict.fromkeys(("epochs", "batch_size", "accumulation"), (0, -1, 1.5, True)),
    **dict.fromkeys(("crop_padding", "cutout", "workers", "seed"), (-1, 0.5)),
    "learning_rate": (0.0, -1.0, math.nan, math.inf),
    "bound_learning_rate": (-1e-9, math.nan, math.inf),
    "random_erasing": (-0.1, 1.1, math.nan),
    **dict.fromkeys(("momentum", "label_smoothing", "ema", "colour_jitter"), (-0.1, 1.0, math.nan)),
    **dict.fromkeys(("weight_decay", "bit_sparsity", "distillation"), (-1e-9, math.nan, math.inf)),
    **dict.fromkeys(("crop", "auto_augment", "precision", "bit_gradient"), ("", "ImageNet")),
}


def test_every_option_is_documented_and_frozen():
    for field in fields_of(Recipe):
        assert field.help.endswith("."), field.name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(Recipe(), field.name, field.default)


@pytest.mark.parametrize("option", [f.name for f in dataclasses.fields(Recipe) if "bool" not in str(f.type)])
def test_values_out_of_range_are_refused(option):
    for value in WRONG[option]:
        with pytest.raises(OptionError, match=f"recipe: {option} must be"):
            Recipe(**{option: value})


def test_a_batch_splits_into_equal_parts():
    with pytest.raises(OptionError, match="a divisor of the batch size 10"):
        Recipe(batch_size=10, accumulation=3)


def test_the_rate_falls_like_a_cosine():
    recipe = Recipe(learning_rate=0.5)
    rates = [recipe.rate(step, 10) for step in range(11)]
    assert rates[0] == 0.5
    assert rates[5] == pytest.approx(0.25, rel=1e-12)  # cos(pi / 2) is 6e-17
    assert rates[10] == 0.0
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(
    ("size", "crop", "flip"), [((8, 8), "none", False), ((31, 64), "none", False), ((32, 32), "padded", True)]
)
def test_small_images_stay_as_they_are_unless_the_recipe_says_so(size, crop, flip):
    chosen = Recipe().for_images(*size)
    assert (chosen.crop, chosen.flip) == (crop, flip)
    said = Recipe(crop="resized", flip=not flip).for_images(*size)
    assert (said.crop, said.flip) == ("resized", not flip)
    assert chosen.for_images(500, 500) == chosen


def test_the_augmentation_in_words():
    assert Recipe().for_images(8, 8).augmentation() == "none"
    assert Recipe().for_images(32, 32).augmentation() == "padded crops (4 pixels), mirroring"
    everything = Recipe(auto_augment="cifar10", colour_jitter=0.4, cutout=8, random_erasing=0.25)
    assert everything.for_images(32, 32).augmentation() == (
        "padded crops (4 pixels), mirroring, AutoAugment cifar10, colour jitter 0.4, cutout (8 pixels), "
        "random erasing 0.25"
    )
