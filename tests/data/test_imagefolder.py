from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isospike.data import IMAGENET, Preprocess, open_data
from isospike.errors import DataError, IsospikeWarning

RAW = Preprocess(None, (0.0,), (1.0,), scale=1.0)


def paint(path: Path, value: int, size: tuple[int, int] = (6, 4), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, 0, 0)).save(path)


def test_labels_follow_the_sorted_folders(tmp_path: Path) -> None:
    paint(tmp_path / "b" / "x.png", 20)
    paint(tmp_path / "a" / "deep" / "y.PNG", 10)
    paint(tmp_path / "a" / "z.png", 11, mode="L")
    paint(tmp_path / ".cache" / "no.png", 99)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    loader = open_data(f"imagefolder:{tmp_path}", "test", preprocess=RAW, shuffle=False)
    ((images, labels),) = loader
    assert images.shape == (3, 3, 4, 6)
    assert images[:, 0, 0, 0].tolist() == [10, 11, 20]
    assert images[:, 1, 0, 0].tolist() == [0, 11, 0]
    assert labels.tolist() == [0, 0, 1]
    assert len(loader.dataset) == 3


def test_a_folder_without_subfolders_is_unlabelled(tmp_path: Path) -> None:
    for value in (3, 1, 2):
        paint(tmp_path / f"{value}.png", value)
    (batch,) = open_data(f"imagefolder:{tmp_path}", "test", preprocess=RAW, shuffle=False)
    assert batch[:, 0, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("batch_size", [1, 2])
def test_different_sizes_need_a_size(tmp_path: Path, batch_size: int) -> None:
    paint(tmp_path / "a" / "1.png", 1, (6, 4))
    paint(tmp_path / "a" / "2.png", 2, (5, 9))
    spec = f"imagefolder:{tmp_path}"
    loader = open_data(spec, "test", preprocess=None, batch_size=batch_size, shuffle=False)
    with pytest.raises(DataError, match=r"differ in size .* give --size"):
        list(loader)
    sized = Preprocess(4, IMAGENET.mean, IMAGENET.std)
    loader = open_data(spec, "test", preprocess=sized, batch_size=batch_size, shuffle=False)
    assert torch.cat([images for images, _ in loader]).shape == (2, 3, 4, 4)


def test_random_subset_is_not_of_the_first_class_only(tmp_path: Path) -> None:
    for number in range(40):
        paint(tmp_path / ("a" if number < 20 else "b") / f"{number}.png", number)
    loader = open_data(f"imagefolder:{tmp_path}", "test", preprocess=None, images=16, shuffle=True)
    ((_, labels),) = loader
    assert set(labels.tolist()) == {0, 1}


GREY = np.array([[0, 1, 128, 129], [257, 2570, 32768, 65535]], dtype=np.uint16)
"""And as 8 bits, rounded: v / 257."""
EIGHT = [[0, 0, 0, 1], [1, 10, 128, 255]]
RAMP = (np.arange(8, dtype=np.uint8) * 36).reshape(2, 4)


def wide(dtype: str) -> Image.Image:
    return Image.fromarray(GREY.astype(dtype))


def in_mode(mode: str) -> Image.Image:
    return Image.fromarray(RAMP, "L").convert("RGB").convert(mode)


def transparent(mode: str) -> Image.Image:
    image = Image.fromarray(RAMP, "L").convert(mode)
    image.putalpha(100)
    return image


KINDS = {
    "16 bits": ("png", wide("uint16"), EIGHT),
    "16 bits of TIFF": ("tiff", wide("uint16"), EIGHT),
    "16 bits, the other order": ("tiff", Image.frombytes("I;16B", (4, 2), GREY.astype(">u2").tobytes()), EIGHT),
    "16 bits in 32": ("tiff", wide("int32"), EIGHT),
    "portable map of 16 bits": ("ppm", wide("int32"), EIGHT),
    "1 bit": ("png", Image.fromarray(RAMP > 100), np.where(RAMP > 100, 255, 0).tolist()),
    "grey": ("png", Image.fromarray(RAMP), RAMP.tolist()),
    "palette": ("png", Image.fromarray(RAMP, "L").convert("P"), RAMP.tolist()),
    "grey with transparency": ("png", transparent("L"), RAMP.tolist()),
    "colours with transparency": ("png", transparent("RGB"), RAMP.tolist()),
    "inks": ("tiff", in_mode("CMYK"), RAMP.tolist()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_image_keeps_its_brightness(kind: str, tmp_path: Path) -> None:
    suffix, image, expected = KINDS[kind]
    image.save(tmp_path / f"x.{suffix}")
    (batch,) = open_data(f"imagefolder:{tmp_path}", "test", preprocess=RAW, shuffle=False)
    assert batch.shape == (1, 3, 2, 4)
    for channel in batch[0]:
        assert channel.tolist() == expected


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (wide("float32"), "has pixels that are floats, whose range nothing says"),
        (Image.fromarray(GREY.astype(np.int32) * 2), "has pixels from 0 to 131070, which are not of 16 bits"),
        (Image.fromarray(-GREY.astype(np.int32)), "has pixels from -65535 to 0, which are not of 16 bits"),
    ],
    ids=["floats", "more bits", "negative"],
)
def test_pixels_of_an_unknown_range_are_refused(image: Image.Image, message: str, tmp_path: Path) -> None:
    image.save(tmp_path / "x.tiff")
    with pytest.raises(DataError, match=rf"x\.tiff' {message}; save it with 8 or 16"):
        open_data(f"imagefolder:{tmp_path}", "test", preprocess=RAW, shuffle=False)


def test_an_empty_class_folder_is_said_to_count(tmp_path: Path) -> None:
    paint(tmp_path / "a" / "1.png", 1)
    paint(tmp_path / "c" / "2.png", 2)
    (tmp_path / "b").mkdir()
    with pytest.warns(IsospikeWarning, match=r"which count as classes all the same: 'b' \(label 1\)$"):
        loader = open_data(f"imagefolder:{tmp_path}", "test", preprocess=RAW, shuffle=False)
    assert torch.cat([labels for _, labels in loader]).tolist() == [0, 2]


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    paint(tmp_path / "a" / "1.png", 1)
    (tmp_path / "a" / "2.png").write_bytes((tmp_path / "a" / "1.png").read_bytes()[:40])
    loader = open_data(f"imagefolder:{tmp_path}", "test", preprocess=None, shuffle=False)
    with pytest.raises(DataError, match=r"2\.png' cannot be read as an image"):
        list(loader)


def test_missing_or_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no folder '.*none'"):
        open_data(f"imagefolder:{tmp_path / 'none'}", "test", preprocess=None, shuffle=False)
    with pytest.raises(DataError, match="has no image; looked for"):
        open_data(f"imagefolder:{tmp_path}", "test", preprocess=None, shuffle=False)


def test_read_lazily(tmp_path: Path) -> None:
    paint(tmp_path / "a" / "1.png", 1)
    (tmp_path / "a" / "2.png").write_bytes(b"damaged")
    (batch,) = open_data(f"imagefolder:{tmp_path}", "test", preprocess=None, images=1, shuffle=False)
    assert len(batch[0]) == 1
