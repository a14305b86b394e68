"""Views of training images: what the recipe says, and the same for the same seed, epoch and image."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from isospike.data.dataset import ImageDataset
from isospike.data.images import Images
from isospike.data.preprocess import Preprocess
from isospike.errors import DataError
from isospike.train import AugmentedImages, Recipe

PLAIN = Preprocess(size=None, mean=(0.5,), std=(0.25,))
NONE = {"crop": "none", "flip": False}


def images(count: int = 6, side: int = 12, *, labels: bool = True, preprocess: Preprocess = PLAIN) -> ImageDataset:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    known = random.integers(0, 5, count) if labels else None
    return ImageDataset(Images("noise", pixels, known, None), random.permutation(count), preprocess)


def views(recipe: Recipe, epoch: int = 0, **options) -> torch.Tensor:
    data = AugmentedImages(images(**options), recipe)
    data.set_epoch(epoch)
    return torch.stack([view for view, _ in data.__getitems__(range(len(data)))])


def test_without_augmentation_a_view_is_the_image():
    source = images()
    data = AugmentedImages(source, Recipe(**NONE))
    expected, labels = source.__getitems__(range(len(source)))
    assert torch.equal(torch.stack([view for view, _ in data.__getitems__(range(6))]), expected)
    assert [label for _, label in data.__getitems__(range(6))] == labels.tolist() == data.labels.tolist()


ALL = Recipe(
    crop="padded", crop_padding=2, flip=True, auto_augment="cifar10", colour_jitter=0.3, cutout=4, random_erasing=0.5
)


@pytest.mark.parametrize(
    "recipe", [ALL, Recipe(crop="resized"), Recipe(auto_augment="svhn"), Recipe(colour_jitter=0.4)], ids=str
)
def test_a_view_depends_on_seed_epoch_and_image_alone(recipe):
    state = torch.get_rng_state()
    first = views(recipe, 3)
    torch.manual_seed(99)
    data = AugmentedImages(images(), recipe)
    data.set_epoch(3)
    for index in (5, 0, 2):
        assert torch.equal(data[index][0], first[index])
    assert not torch.equal(views(recipe, 4), first)
    assert not torch.equal(views(Recipe(**{**recipe.__dict__, "seed": 1}), 3), first)
    torch.set_rng_state(state)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    views(ALL)
    assert torch.equal(torch.rand(3), expected)


def test_flips_mirror_half_of_the_images():
    flipped, plain = views(Recipe(crop="none", flip=True), count=200), views(Recipe(**NONE), count=200)
    same = (flipped == plain).flatten(1).all(1)
    mirrored = (flipped == plain.flip(3)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 70 <= same.sum() <= 130  # 200 fair coins: 30 is more than four deviations


def test_padded_crops_shift_the_image():
    views_, plain = views(Recipe(crop="padded", crop_padding=2, flip=False)), views(Recipe(**NONE))
    padded = torch.nn.functional.pad(plain, (2, 2, 2, 2), value=-2.0)  # black: (0 - 0.5) / 0.25
    for view, image in zip(views_, padded, strict=True):
        shifts = [image[:, y : y + 12, x : x + 12] for y in range(5) for x in range(5)]
        assert any(torch.equal(view, shift) for shift in shifts)


def test_cutout_is_one_square_of_the_mean_colour():
    cut, plain = views(Recipe(cutout=5, **NONE)), views(Recipe(**NONE))
    changed = (cut != plain).any(1)
    for area, image in zip(changed, cut, strict=True):
        rows, columns = area.any(1).nonzero().flatten(), area.any(0).nonzero().flatten()
        assert len(rows) == len(columns) == 5
        assert (image[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 0).all()
        assert area.sum() == 25


def test_random_erasing_sets_a_rectangle_to_the_mean_colour():
    erased, plain = views(Recipe(random_erasing=0.5, **NONE), count=200), views(Recipe(**NONE), count=200)
    changed = (erased != plain).any(1)
    touched = changed.flatten(1).any(1)
    assert 70 <= touched.sum() <= 130  # 200 fair coins: 30 is more than four deviations
    for area, image in zip(changed[touched], erased[touched], strict=True):
        rows, columns = area.any(1).nonzero().flatten(), area.any(0).nonzero().flatten()
        assert (image[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 0).all()
        assert 0 < area.sum() < area.numel()


def test_colour_jitter_stays_within_its_factors():
    """Of a grey image only brightness changes it: contrast and saturation blend it with itself."""
    pixels = np.full((50, 4, 4, 3), 100, dtype=np.uint8)
    as_stored = Preprocess(size=None, mean=(0.0,), std=(1.0,))
    grey = ImageDataset(Images("grey", pixels, np.zeros(50, dtype=np.int64), None), np.arange(50), as_stored)
    data = AugmentedImages(grey, Recipe(colour_jitter=0.25, **NONE))
    found = 255 * torch.stack([view for view, _ in data.__getitems__(range(50))])
    assert found.amin() >= 100 * 0.75 - 3  # every one of three ops may round down once
    assert found.amax() <= 100 * 1.25
    assert found.std() > 5


def test_images_are_resized_before_they_are_cropped():
    small = views(Recipe(**NONE), preprocess=Preprocess(size=8, mean=(0.5,), std=(0.25,)))
    expected, _ = images(preprocess=Preprocess(size=8, mean=(0.5,), std=(0.25,))).__getitems__(range(6))
    assert torch.equal(small, expected)
    assert views(Recipe(crop="resized"), preprocess=Preprocess(size=8, mean=(0.5,), std=(0.25,))).shape[2:] == (8, 8)


def test_wrong_images_are_refused():
    with pytest.raises(DataError, match="no labels to train on"):
        AugmentedImages(images(labels=False), Recipe())
    assert AugmentedImages(images(labels=False), Recipe(distillation=1.0))[0][1] == -1
    with pytest.raises(DataError, match="12 x 12 pixels; a cutout of 12"):
        AugmentedImages(images(), Recipe(cutout=12))


def test_the_digest_tells_images_apart():
    """Other pixels, labels or preprocessing are another training; the same ones read again are not."""
    pixels, labels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8), np.arange(20) % 3
    plain = Preprocess(size=None, mean=(0.5,), std=(0.5,))

    def digest(pixels, labels, preprocess) -> str:
        images = ImageDataset(Images("noise", pixels, labels, None), np.arange(20), preprocess)
        return AugmentedImages(images, Recipe()).digest

    one = digest(pixels, labels, plain)
    assert digest(pixels.copy(), labels.copy(), plain) == one
    others = [(255 - pixels, labels, plain), (pixels, 2 - labels, plain)]
    others.append((pixels, labels, dataclasses.replace(plain, mean=(0.1,))))
    assert all(digest(*other) != one for other in others)
