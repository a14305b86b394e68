"""The examples run, here on a tiny network."""

from __future__ import annotations

import runpy
from pathlib import Path

import isospike as iso
from networks import NETWORKS

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_convert_resnet(tmp_path, capsys):
    example = runpy.run_path(str(EXAMPLES / "convert_resnet.py"))
    case = NETWORKS["reused_relu"]
    batches = example["random_batches"](3, case.shape, classes=5)
    path = tmp_path / "net.snn"
    curve = example["convert_and_measure"](case.build().float(), batches[:1], batches[1:], path)
    assert (curve.images, list(curve.metric)) == (8, [8, 16, 32])
    assert iso.load(path).sites == case.sites
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["T=8", "T=16", "T=32"]
