"""The examples and the README's first one run, here on a tiny network."""

from __future__ import annotations

import runpy
from pathlib import Path

import torch

import isospike as iso
from networks import NETWORKS

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


def test_convert_resnet(tmp_path, capsys):
    example = runpy.run_path(str(EXAMPLES / "convert_resnet.py"))
    case = NETWORKS["reused_relu"]
    batches = example["random_batches"](3, case.shape, classes=5)
    path = tmp_path / "net.snn"
    curve = example["convert_and_measure"](case.build().float(), batches[:1], batches[1:], path)
    assert (curve.images, list(curve.metric)) == (8, [8, 16, 32])
    assert iso.load(path).sites == case.sites
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["T=8", "T=16", "T=32"]


def test_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case = NETWORKS["reused_relu"]
    images = case.inputs(3).float()
    batches = [(images, torch.tensor([0, 1, 2]))]
    names = {"model": case.build().float(), "loader": batches, "test_loader": batches, "images": images}
    exec((ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0], names)
    assert names["curve"].images == 3
    assert torch.equal(iso.load("net.snn")(images), names["logits"])
