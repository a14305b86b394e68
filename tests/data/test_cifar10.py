from __future__ import annotations

import os
import pickle
import resource
import struct
from pathlib import Path

import numpy as np
import pytest

from isospike.data.cifar10 import cifar10
from isospike.data.plain_pickle import read_plain_pickle
from isospike.errors import DataError

RNG = np.random.default_rng(0)
TRAINING = [f"data_batch_{number}" for number in range(1, 6)]


class Command:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def rows(count: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, 3072), dtype=np.uint8)


def write(path: Path, content: object, protocol: int = 2) -> None:
    path.write_bytes(pickle.dumps(content, protocol=protocol))


def python2_batch(data: np.ndarray, labels: list[int]) -> bytes:
    """A batch as the published files hold it: written by Python 2, text as byte strings."""
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"K" + bytes([len(data)]) + b"M" + struct.pack("<H", 3072) + b"\x86"
    content = b"T" + struct.pack("<I", data.size) + data.tobytes()
    state = b"(K\x01" + shape + kind + b"\x89" + content + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + state + b"U\x06labels" + numbers + b"u."


@pytest.mark.parametrize("subfolder", ["", "cifar-10-batches-py"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_training_batches_in_order(tmp_path: Path, subfolder: str, protocol: int) -> None:
    folder = tmp_path / subfolder
    folder.mkdir(exist_ok=True)
    data = rows(10)
    for number, name in enumerate(TRAINING):
        part = slice(2 * number, 2 * number + 2)
        write(folder / name, {b"data": data[part], b"labels": [number, 9 - number]}, protocol)
    source = cifar10(str(tmp_path), "calibration")
    assert source.labels is not None
    assert source.labels.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    np.testing.assert_array_equal(source.images[3, :, :, 0].reshape(-1), data[3, :1024])
    np.testing.assert_array_equal(source.images[3, 5, 7], data[3].reshape(3, 32, 32)[:, 5, 7])


def test_files_of_python2(tmp_path: Path) -> None:
    data = rows(3)
    (tmp_path / "test_batch").write_bytes(python2_batch(data, [7, 0, 2]))
    source = cifar10(str(tmp_path), "test")
    assert source.labels is not None
    assert source.labels.tolist() == [7, 0, 2]
    np.testing.assert_array_equal(source.images.transpose(0, 3, 1, 2).reshape(3, -1), data)


def test_fortran_order(tmp_path: Path) -> None:
    data = rows(3)
    write(tmp_path / "test_batch", {b"data": np.asfortranarray(data), b"labels": [1, 2, 3]})
    images = cifar10(str(tmp_path), "test").images
    np.testing.assert_array_equal(images.transpose(0, 3, 1, 2).reshape(3, -1), data)


def test_archives(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "cifar10_test.npz", images=images, labels=np.array([4, 5]))
    source = cifar10(str(tmp_path), "test")
    np.testing.assert_array_equal(source.images, images)
    with pytest.raises(DataError, match=r"lacks the calibration split.*data_batch_1.*cifar10_train.npz"):
        cifar10(str(tmp_path), "calibration")


def test_archive_of_another_shape(tmp_path: Path) -> None:
    np.savez(tmp_path / "cifar10_test.npz", images=np.zeros((2, 28, 28, 1), np.uint8), labels=np.array([4, 5]))
    with pytest.raises(DataError, match=r"expected images \[N, 32, 32, 3\] with labels"):
        cifar10(str(tmp_path), "test")


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_in_a_batch_is_not_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    hostile = Command(f"touch {trace}")
    write(tmp_path / "test_batch", {b"data": rows(1), b"labels": [1], b"x": hostile}, protocol)
    with pytest.raises(DataError, match=r"asks for (posix|nt)\.system, which is refused"):
        cifar10(str(tmp_path), "test")
    assert not trace.exists()
    pickle.loads((tmp_path / "test_batch").read_bytes())
    assert trace.exists(), "the file is harmless, so the test shows nothing"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no dictionary"),
        ({b"labels": [1]}, r"data must be a uint8 array \[N, 3072\]"),
        ({b"data": rows(1)[:, :10], b"labels": [1]}, r"data must be a uint8 array \[N, 3072\]"),
        ({b"data": rows(1).astype(np.int64), b"labels": [1]}, "an array is not uint8"),
        ({b"data": rows(2), b"labels": [1]}, "2 images but 1 labels"),
        ({b"data": rows(1), b"labels": [10]}, "integers from 0 to 9"),
        ({b"data": rows(1)}, "labels must be a list"),
    ],
)
def test_wrong_content(tmp_path: Path, content: object, message: str) -> None:
    write(tmp_path / "test_batch", content)
    with pytest.raises(DataError, match=message):
        cifar10(str(tmp_path), "test")


def test_cut_file(tmp_path: Path) -> None:
    (tmp_path / "test_batch").write_bytes(python2_batch(rows(3), [7, 0, 2])[:4000])
    with pytest.raises(DataError, match="is not a plain CIFAR-10 batch"):
        cifar10(str(tmp_path), "test")


@pytest.mark.parametrize("argument", ["", "no/such/folder"])
def test_missing_folder_is_named(argument: str) -> None:
    with pytest.raises(DataError, match=f"there is no folder '{argument}'"):
        cifar10(argument, "test")


BOMBS = {
    "number of an object": b"\x80\x02}r\xff\xff\xff\x07.",
    "number of an object as text": b"}p4000000000\n.",
    "bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**32) + b".",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**32) + b"}.",
    "text": b"\x80\x02X\xff\xff\xff\xff.",
    "integer": b"\x80\x02\x8b\xff\xff\xff\x7f.",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_few_bytes_do_not_get_gigabytes(bomb: str, tmp_path: Path) -> None:
    path = tmp_path / "batch"
    path.write_bytes(BOMBS[bomb])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="is not a plain CIFAR-10 batch"):
        read_plain_pickle(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000  # kilobytes; the number of an object alone would take 2 GB
