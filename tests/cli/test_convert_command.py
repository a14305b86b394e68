"""``isospike convert``, ``inspect`` and ``evaluate``: what they refuse, and what they say meanwhile."""

from __future__ import annotations

import json

import torch

import isospike as iso
import isospike.cli.progress
from isospike.data import open_data
from isospike.models import load_model


def test_a_model_without_a_neuron_is_refused_by_all(cli, files):
    (files / "n.py").write_text(
        "from torch import nn\n\n"
        "def build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.Sigmoid(), nn.Linear(9, 10))\n"
    )
    inspected = cli("inspect", "n.py:build", "--shape", "1,8,8", "--sites", "rectifiers")
    assert inspected.code == 0
    assert "does not convert: no activation that a neuron can stand for" in inspected.out
    for given in ((), ("--analogue", "allow")):
        refused = cli(
            "convert", "maximum", "n.py:build", "--data", "digits", "--sites", "rectifiers", *given, "--out", "n.snn"
        )
        assert refused.code == 2
        assert "no activation that a neuron can stand for" in refused.err


def test_a_stored_network_says_what_it_is(cli, stored):
    shown = cli("inspect", stored)
    assert (shown.code, shown.err) == (0, "")
    assert "maximum, 2 neuron layers" in shown.out
    assert shown.out.count("IntegrateAndFire") == 2
    found = json.loads(cli("inspect", stored, "--json").out)
    assert (found["kind"], found["sites"], found["calibrated"]) == ("streaming", ["2", "5"], [])


def test_checkpoint_and_network_are_two_files(cli, files):
    given = ("--steps", "2", "--out", "same", "--checkpoint", "./same")
    refused = cli("convert", "calibration-advanced", "m.py:build", "--data", "digits", *given)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "same file" in refused.err
    assert not (files / "same").exists()


def test_a_log_gets_a_line_now_and_then(cli, files, monkeypatch):
    monkeypatch.setattr(isospike.cli.progress, "LINE_EVERY", 0.0)
    given = ("--data", "digits", "--images", 200, "--steps", "2", "--out", "n.snn")
    result = cli("convert", "calibration-light", "m.py:build", *given)
    assert result.code == 0
    lines = result.err.splitlines()
    assert "calibrating: 1 of 2" in lines
    assert any(line.startswith("bias calibration: ") for line in lines)


def test_a_threshold_is_chosen_on_other_images(cli, stored):
    """However the source is spelled."""
    given = ("--images", 50, "--exit", "confidence", "--choose-on", "digits")
    assert cli("evaluate", stored, "--data", "digits", "--steps", "4", *given).code == 0
    (stored.parent / "t.py").write_text(
        "from isospike.data import open_data\n\n"
        "def first():\n    return list(open_data('digits', 'test', preprocess=None, images=50, shuffle=False))\n"
    )
    given = ("--images", 50, "--exit", "confidence", "--choose-on", "t.py:first")
    refused = cli("evaluate", stored, "--data", "digits", "--steps", "4", *given)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "50 of 50 images are in the --choose-on and in the --data images" in refused.err


PARTS = """
import torch
from torch import nn

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU())
        self.head = nn.Linear(6, 10)

    def forward(self, x):
        features = self.backbone(2 * x - 1)
        if features.mean() < 0:  # what no exporter captures
            return features.mean((2, 3))
        return self.head(features.mean((2, 3)))
"""


def test_a_part_is_converted_by_itself(cli, tmp_path):
    """It is the network that `isospike.convert` puts into the model; methods that stream give one too."""
    (tmp_path / "p.py").write_text(PARTS)
    how = ["p.py:Detector", "--data", "digits", "--images", 40, "--part", "backbone"]
    assert "backbone" not in cli("inspect", "p.py:Detector", "--shape", "1,8,8").out
    shown = cli("inspect", "p.py:Detector", "--shape", "1,8,8", "--part", "backbone")
    assert "converts: every activation becomes spiking" in shown.out
    made = cli("convert", "bit-coded", *how, "--out", "part.snn")
    assert made.code == 0, made.err
    assert (
        "the part 'backbone' alone; in Python: model.set_submodule('backbone', isospike.load('part.snn'))" in made.out
    )
    assert json.loads(cli("convert", "maximum", *how, "--out", "s.snn", "--json").out)["part"] == "backbone"
    model, part = load_model(f"{tmp_path}/p.py:Detector").model, iso.load(tmp_path / "part.snn")
    data = open_data("digits", "calibration", preprocess=None, images=40, shuffle=True)
    whole = iso.convert(model, iso.methods.BitCoded(), data=data, part="backbone", progress=False)
    x = torch.rand(3, 1, 8, 8)
    expected = whole(x)
    model.set_submodule("backbone", part)
    assert torch.equal(model(x), expected)
    assert part.preprocess is None


def test_a_part_that_there_is_not(cli, tmp_path):
    (tmp_path / "p.py").write_text(PARTS)
    for command in (["convert", "bit-coded"], ["inspect"]):
        out = ["--out", "part.snn"] if command[0] == "convert" else []
        made = cli(*command, "p.py:Detector", "--data", "digits", "--part", "backbon", *out)
        assert (made.code, made.out) == (2, "")
        assert made.err.startswith("error: the model has no submodule 'backbon'; it has backbone, ")
    assert not (tmp_path / "part.snn").exists()


def test_an_exact_network_says_how_far_it_is_exact(cli, files):
    model = "import torch\nfrom torch import nn\n\n\ndef build():\n    torch.manual_seed(0)\n"
    layers = "nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 10)"
    (files / "islands.py").write_text(f"{model}    return nn.Sequential({layers})\n")
    line = "1 of 2 neuron layers, those in front of the analogue islands; the others are equal up to rounding"
    data = ["--data", "digits", "--images", 30]
    more = ["--exact", "--analogue", "allow", "--sites", "products", "--out", "net.snn"]
    made = cli("convert", "bit-coded", "islands.py:build", *data, *more)
    assert f"  equal bit for bit: {line}\n" in made.out
    assert f"  equal bit for bit: {line}\n" in cli("inspect", "net.snn").out
    inspected = cli("inspect", "islands.py:build", "--shape", "1,8,8", "--sites", "products").out
    assert f"equal bit for bit with --exact: {line}\n" in inspected
    proof = cli("verify", "net.snn", "islands.py:build", *data)
    assert proof.code == 0
    assert "codes at 1 site behind islands may differ by one level" in " ".join(proof.out.split())
