from __future__ import annotations

import sys
from pathlib import Path

import pytest

from isospike.data import open_data
from isospike.errors import DataError, UnknownNameError

SOURCE = """
import torch
from neighbour_of_batches import VALUE

def plain():
    return [torch.full((2, 1), VALUE)]

def by_split(part):
    return [(part, torch.zeros(1))]

def by_default(split="none"):
    return [split]

def other_default(root="somewhere"):
    return [root]

def generated():
    COUNTS.append(len(COUNTS))
    yield from COUNTS

COUNTS = []

def number():
    return 3

def failing():
    raise ValueError("first line\\nsecond line")

not_a_function = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "neighbour_of_batches.py").write_text("VALUE = 7.0\n")
    (tmp_path / "batches.py").write_text(SOURCE)
    return tmp_path / "batches.py"


def opened(spec: str) -> list[object]:
    return list(open_data(spec, "calibration", preprocess=None, shuffle=False))


def test_batches_come_as_they_are(file: Path) -> None:
    before = list(sys.path)
    (batch,) = opened(f"{file}:plain")
    assert batch.flatten().tolist() == [7.0, 7.0]
    assert sys.path == before


def test_split_is_passed_where_it_is_taken(file: Path) -> None:
    assert opened(f"{file}:by_split")[0][0] == "calibration"
    assert opened(f"{file}:by_default") == ["calibration"]
    assert opened(f"{file}:other_default") == ["somewhere"]


def test_module_of_the_current_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    (file.parent / "user_package").mkdir()
    (file.parent / "user_package" / "batches.py").write_text("def give():\n    return [1, 2]\n")
    assert opened("user_package.batches:give") == [1, 2]


def test_a_generator_function_is_called_for_every_pass(file: Path) -> None:
    batches = open_data(f"{file}:generated", "calibration", preprocess=None, shuffle=False)
    assert [list(batches) for _ in range(3)] == [[0], [0, 1], [0, 1, 2]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("number", "returned an int; it must return an iterable"),
        ("failing", "failed: ValueError: first line$"),
        ("not_a_function", "is an int; it must be a function"),
        ("plane", "has no 'plane'; did you mean plain"),
        ("", "names no function; write .*:FUNCTION"),
    ],
)
def test_wrong_functions(file: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(f"{file}:{name}")


def test_wrong_files(file: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file '.*none.py'"):
        opened(f"{file.parent / 'none.py'}:plain")
    file.write_text("def plain(:\n")
    with pytest.raises(DataError, match=r"cannot import .*: SyntaxError"):
        opened(f"{file}:plain")
    with pytest.raises(DataError, match=r"cannot import 'no_such.module': ModuleNotFoundError"):
        opened("no_such.module:plain")
    with pytest.raises(UnknownNameError, match="unknown data source 'npzz'"):
        opened("npzz:plain")
