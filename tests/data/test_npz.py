from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from isospike.data import open_data
from isospike.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 1), dtype=np.uint8)


def opened(path: Path) -> object:
    return open_data(f"npz:{path}", "test", preprocess=None, shuffle=False)


def test_images_without_labels_come_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES)
    (batch,) = opened(tmp_path / "a.npz")
    torch.testing.assert_close(batch, torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 255)


def test_labels_become_int64(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=np.array([3, 1, 2, 0], np.uint8))
    ((_, labels),) = opened(tmp_path / "a.npz")
    assert labels.dtype == torch.int64
    assert labels.tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": IMAGES}, "has no array 'images'; expected images"),
        ({"images": IMAGES.astype(np.float32)}, "images is float32"),
        ({"images": IMAGES[0]}, r"must be uint8 \[N, H, W, C\]"),
        ({"images": IMAGES, "labels": np.zeros(4)}, "labels is float64"),
        (
            {"images": IMAGES, "labels": np.zeros(3, np.int64)},
            "has 4 images but 3 labels",
        ),
        ({"images": np.array([{}], dtype=object)}, "not a readable .npz archive of plain arrays"),
        ({"images": IMAGES[:0]}, "has no images"),
    ],
)
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        opened(tmp_path / "a.npz")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file '.*none.npz'"):
        opened(tmp_path / "none.npz")


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "cut.npz", images=IMAGES)
    content = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    np.save(tmp_path / "plain.npy", IMAGES)
    for name in ("cut.npz", "plain.npy"):
        with pytest.raises(DataError, match=r"not a readable .npz archive"):
            opened(tmp_path / name)
