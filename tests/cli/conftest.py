from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import isospike.cli.progress
from isospike.cli.main import run

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys, monkeypatch, tmp_path) -> Callable[..., Result]:
    """Runs a command in an empty folder, on a terminal of 80 columns without colours and progress."""
    monkeypatch.setattr(isospike.cli.progress, "LINE_EVERY", float("inf"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def golden(tmp_path) -> Callable[[str, str], None]:
    """Compares a text with ``tests/golden/NAME.txt``, the folder of the test written ``<tmp>``.

    ``ISOSPIKE_UPDATE_GOLDEN=1 pytest tests/cli`` writes the files anew; read the difference before you commit it.
    """

    def compare(name: str, text: str) -> None:
        path, got = GOLDEN / f"{name}.txt", text.replace(str(tmp_path), "<tmp>")
        if os.environ.get("ISOSPIKE_UPDATE_GOLDEN") == "1":
            path.write_text(got)
        assert path.is_file(), f"{path.name} is missing; write it with ISOSPIKE_UPDATE_GOLDEN=1"
        assert got == path.read_text()

    return compare


MODEL = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 10))

def gated():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10), nn.Sigmoid())

def coloured():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))

def broken():
    raise RuntimeError("no such weights\\nsecond line")

number = 3
"""

DATA = """
import torch

def nothing():
    return []

def not_a_number():
    x = torch.zeros(4, 1, 8, 8)
    x[0, 0, 0, 0] = float("nan")
    return [(x, torch.zeros(4, dtype=torch.long))]

def unlabelled():
    return [torch.rand(4, 1, 8, 8)]

def halfway():
    yield torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.long)
    raise ValueError("image 7 is missing\\nsecond line")

def generated():
    for seed in range(2):
        generator = torch.Generator().manual_seed(seed)
        yield torch.rand(4, 1, 8, 8, generator=generator), torch.zeros(4, dtype=torch.long)

def listed():
    return list(generated())

def uneven():
    return [(torch.rand(4, 1, 8, 8), torch.zeros(3, dtype=torch.long))]

def two_channels():
    return [(torch.rand(4, 2, 8, 8), torch.zeros(4, dtype=torch.long))]
"""


@pytest.fixture
def files(tmp_path) -> Path:
    """A folder with ``m.py`` (models) and ``d.py`` (data)."""
    (tmp_path / "m.py").write_text(MODEL)
    (tmp_path / "d.py").write_text(DATA)
    return tmp_path


@pytest.fixture
def stored(cli, files) -> Path:
    """A network of `MODEL` in ``net.snn``."""
    made = cli("convert", "maximum", "m.py:build", "--data", "digits", "--images", 40, "--out", "net.snn")
    assert made.code == 0, re.sub(r"\s+", " ", made.err)
    return files / "net.snn"
