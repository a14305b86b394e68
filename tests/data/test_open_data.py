from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from isospike.data import IMAGENET, Preprocess, open_data
from isospike.data.digits import digits
from isospike.errors import DataError, OptionError, UnknownNameError


def numbered(tmp_path: Path, count: int = 20, channels: int = 1) -> str:
    """Image ``i`` has the value ``i`` in every pixel and the label ``i``."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, channels), np.uint8)
    np.savez(tmp_path / "numbered.npz", images=images, labels=np.arange(count))
    return f"npz:{tmp_path / 'numbered.npz'}"


def labels_of(loader: object) -> list[int]:
    assert isinstance(loader, DataLoader)
    return [label for _, labels in loader for label in labels.tolist()]


def test_digits_give_float_batches_with_labels() -> None:
    loader = open_data("digits", "test", preprocess=None, batch_size=64, shuffle=False)
    batches = list(loader)
    assert [len(images) for images, _ in batches] == [64] * 7 + [52]
    images, labels = batches[0]
    assert images.shape == (64, 1, 8, 8)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert images.max() == 1.0
    assert len(loader.dataset) == 500
    assert loader.dataset.preprocess.scale == 1 / 16


def test_digits_splits_share_no_image_and_leave_none_out() -> None:
    training, test = digits("", "calibration"), digits("", "test")
    assert (len(training), len(test)) == (1297, 500)
    seen = {image.tobytes() for image in training.images}
    assert not seen & {image.tobytes() for image in test.images}
    from sklearn.datasets import load_digits

    total = training.images.sum(dtype=np.int64) + test.images.sum(dtype=np.int64)
    assert total == load_digits().images.sum()
    assert set(test.labels) == set(range(10))


def test_digits_take_no_argument() -> None:
    with pytest.raises(DataError, match="digits takes no argument, got 'all'"):
        open_data("digits:all", "test", preprocess=None, shuffle=False)


def test_images_and_labels_stay_together_when_shuffled(tmp_path: Path) -> None:
    raw = Preprocess(None, (0.0,), (1.0,), scale=1.0)
    loader = open_data(numbered(tmp_path), "test", preprocess=raw, batch_size=7, shuffle=True)
    for images, labels in loader:
        assert images[:, 0, 0, 0].tolist() == labels.tolist()


def test_order_depends_on_the_seed_only(tmp_path: Path) -> None:
    spec = numbered(tmp_path)

    def order(seed: int, batch_size: int = 3) -> list[int]:
        return labels_of(open_data(spec, "test", preprocess=None, batch_size=batch_size, seed=seed, shuffle=True))

    loader = open_data(spec, "test", preprocess=None, seed=1, shuffle=True)
    assert labels_of(loader) == labels_of(loader) == order(1) == order(1, batch_size=8)
    assert order(1) != order(2)
    assert sorted(order(1)) == list(range(20))


def test_limit_takes_the_first_or_a_random_subset(tmp_path: Path) -> None:
    spec = numbered(tmp_path)
    first = open_data(spec, "test", preprocess=None, images=5, shuffle=False)
    assert labels_of(first) == [0, 1, 2, 3, 4]
    drawn = open_data(spec, "test", preprocess=None, images=5, shuffle=True)
    assert len(set(labels_of(drawn))) == len(drawn.dataset) == 5
    assert max(labels_of(drawn)) > 4
    assert len(open_data(spec, "test", preprocess=None, images=99, shuffle=True).dataset) == 20


def test_default_preprocess_follows_the_channels(tmp_path: Path) -> None:
    gray = open_data(numbered(tmp_path), "test", preprocess=None, shuffle=False)
    assert gray.dataset.preprocess == Preprocess(None, (0.0,), (1.0,))
    colour = open_data(numbered(tmp_path, channels=3), "test", preprocess=None, shuffle=False)
    assert colour.dataset.preprocess == IMAGENET
    own = Preprocess(4, (0.5,), (0.5,))
    assert open_data("digits", "test", preprocess=own, shuffle=False).dataset[0][0].shape == (1, 4, 4)


def test_channels_that_do_not_fit_fail_on_opening(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 channels, but mean has 3 values"):
        open_data(numbered(tmp_path), "test", preprocess=IMAGENET, shuffle=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": 0}, "images must be a whole number of at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
    ],
)
def test_options_out_of_range(options: dict[str, int], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        open_data("digits", "test", preprocess=None, shuffle=True, **options)


def test_unknown_kind_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown data source 'digit'; did you mean digits"):
        open_data("digit", "test", preprocess=None, shuffle=False)


def test_importing_loads_no_heavy_library() -> None:
    code = (
        "import sys, isospike.data, isospike.models, isospike.demo;"
        "print([m for m in ('torchvision', 'timm', 'sklearn', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
