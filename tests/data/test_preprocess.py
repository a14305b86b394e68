from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from isospike.data import IMAGENET, Preprocess
from isospike.errors import DataError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("height_width", [(71, 50), (40, 63), (33, 33)])
def test_equals_the_preset_of_torchvision(height_width: tuple[int, int], interpolation: str) -> None:
    image = RNG.integers(0, 256, (*height_width, 3), dtype=np.uint8)
    preset = ImageClassification(
        crop_size=28, resize_size=32, interpolation=InterpolationMode(interpolation), antialias=True
    )
    ours = Preprocess(28, IMAGENET.mean, IMAGENET.std, crop_ratio=28 / 32, interpolation=interpolation)
    torch.testing.assert_close(ours(image[None])[0], preset(Image.fromarray(image)))


def test_without_size_only_normalises() -> None:
    images = RNG.integers(0, 17, (5, 8, 8, 1), dtype=np.uint8)
    result = Preprocess(None, (0.25,), (0.5,), scale=1 / 16)(images)
    expected = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 16 - 0.25) / 0.5
    assert result.shape == (5, 1, 8, 8)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, expected)


def test_images_of_the_wanted_size_are_not_resized() -> None:
    images = RNG.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    resizing = Preprocess(16, IMAGENET.mean, IMAGENET.std, crop_ratio=0.5)
    torch.testing.assert_close(resizing(images), IMAGENET(images))


def test_one_value_serves_every_channel() -> None:
    images = RNG.integers(0, 256, (2, 4, 4, 5), dtype=np.uint8)
    wide = Preprocess(None, (0.5,) * 5, (0.2,) * 5)
    torch.testing.assert_close(Preprocess(None, (0.5,), (0.2,))(images), wide(images))


def test_other_channels_name_both_counts() -> None:
    with pytest.raises(DataError, match="1 channels, but mean has 3 values"):
        IMAGENET(np.zeros((1, 4, 4, 1), np.uint8))


@pytest.mark.parametrize("images", [np.zeros((1, 4, 4, 3), np.float32), np.zeros((4, 4, 3), np.uint8)])
def test_only_uint8_batches(images: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"uint8 \[N, H, W, C\]"):
        IMAGENET(images)


@pytest.mark.parametrize("preprocess", [IMAGENET, Preprocess(32, (0.5,), (0.25,), 1 / 16, 0.875, "bicubic")])
def test_dict_survives_json(preprocess: Preprocess) -> None:
    assert Preprocess.from_dict(json.loads(json.dumps(preprocess.to_dict()))) == preprocess


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": "224"}, "size must be a whole number of at least 1"),
        ({"size": True}, "size must be a whole number of at least 1"),
        ({"size": 0}, "size must be a whole number of at least 1, got 0"),
        ({"mean": 0.5}, "mean must be finite numbers"),
        ({"mean": [0.5, "a"]}, "mean must be finite numbers, got .*'a'"),
        ({"mean": []}, r"mean must be finite numbers, got \[\]"),
        ({"mean": [float("nan")]}, "mean must be finite numbers, got .nan"),
        ({"std": [0.0]}, "std must be finite numbers above 0"),
        ({"scale": None}, "scale must be a finite number above 0"),
        ({"crop_ratio": 1.5}, "crop_ratio must be a number above 0 and at most 1, got 1.5"),
        ({"interpolation": "nearest"}, "must be bilinear or bicubic"),
        ({"sizes": 3}, r"unknown keys \['sizes'\]"),
    ],
)
def test_from_dict_refuses(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Preprocess.from_dict({**IMAGENET.to_dict(), **changes})


def test_from_dict_names_missing_keys() -> None:
    with pytest.raises(DataError, match=r"missing keys \['mean', 'std'\]"):
        Preprocess.from_dict({"size": None})
    with pytest.raises(DataError, match="expected a table of fields, got list"):
        Preprocess.from_dict([1, 2])  # type: ignore[arg-type]
