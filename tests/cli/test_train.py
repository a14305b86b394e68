"""``isospike train``: one command from ReLU weights to a file that the other commands take."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from isospike.activations import activations
from isospike.models import load_model

MODEL = """
import torch
from torch import nn

def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10))

def smooth():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.GELU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10))

def deeper():
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10))
    return nn.Sequential(*layers)
"""
SHORT = ["--epochs", "2", "--batch-size", "64", "--no-flip", "--crop-padding", "1", "--learning-rate", "0.1"]
TEST = ["--test", "digits"]
TRAIN = ["m.py:plain", "--data", "digits", "--images", "256", *SHORT]


@pytest.fixture
def plain(tmp_path):
    (tmp_path / "m.py").write_text(MODEL)
    return tmp_path


@pytest.mark.parametrize("name", list(activations))
def test_every_activation_trains_and_converts(name, cli, plain):
    result = cli(
        "train", name, *TRAIN, "--average-pools", *TEST, "--out", "q.safetensors", "--log", "q.jsonl", "--json"
    )
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    documented = {"file", "activation", "options", "recipe", "images", "adapted_levels", "epochs", "test", "preprocess"}
    assert set(found) == documented | {"baseline"}
    assert set(found["baseline"]) == {"of", "images", "ann_score", "score"}
    assert (found["baseline"]["of"], found["baseline"]["score"]) == ("test", found["test"]["score"])
    assert found["options"] == activations[name]().__dict__
    assert (found["activation"], found["images"], found["test"]["images"]) == (name, 256, 500)
    assert found["recipe"]["epochs"] == len(found["epochs"]) == 2
    assert [json.loads(line) for line in (plain / "q.jsonl").read_text().splitlines()] == found["epochs"]
    assert found["epochs"][1]["loss"] < found["epochs"][0]["loss"]
    assert {path.name for path in plain.iterdir()} >= {"q.safetensors", "q.jsonl"}
    assert not list(plain.glob("*checkpoint*"))
    model = load_model("m.py:plain", weights=plain / "q.safetensors").model
    assert [model.get_submodule(site).activation for site in model.sites] == [activations[name]()]
    data = ["--weights", "q.safetensors", "--data", "digits", "--images", "50"]
    made = cli("convert", "maximum", "m.py:plain", *data, "--out", "n.snn")
    assert made.code == 0, made.err


def test_other_functions_are_replaced_where_it_is_asked_for(cli, plain):
    arguments = ["m.py:smooth", *TRAIN[1:], "--out", "q.safetensors"]
    kept = cli("train", "qcfs", *arguments)
    assert kept.code == 0, kept.err
    assert load_model("m.py:smooth", weights=plain / "q.safetensors").model.sites == ("3",)
    result = cli("train", "qcfs", *arguments, "--replace", "gelu")
    assert (result.code, result.err) == (0, "")
    assert load_model("m.py:smooth", weights=plain / "q.safetensors").model.sites == ("1", "3")
    refused = cli("train", "qcfs", *arguments, "--replace", "gelu,silu")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "replace=['silu']" in refused.err
    assert "it has: gelu" in refused.err


def test_the_table_says_what_was_trained(cli, plain):
    result = cli("train", "qcfs", *TRAIN, "--levels", "3", *TEST, "--out", "q.safetensors")
    assert (result.code, result.err) == (0, "")
    assert "q.safetensors: qcfs" in result.out
    assert result.out.startswith("augmentation: none\nbefore the training: top-1 ")  # digits have 8 x 8 pixels
    assert result.out.count("on 500 test images") == 2


TRAINED = """
import torch
from torch import nn
from isospike.data import open_data

def trained():
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10))
    network = nn.Sequential(*layers)
    adam = torch.optim.Adam(network.parameters(), 0.02)
    (batch,) = open_data("digits", "calibration", preprocess=None, batch_size=2000, shuffle=True)
    for _ in range(60):
        adam.zero_grad()
        nn.functional.cross_entropy(network(batch[0]), batch[1]).backward()
        adam.step()
    return network
"""


def test_the_digits_are_not_mirrored_and_a_collapse_is_a_warning(cli, plain):
    """Padded crops of 4 pixels and mirroring brought a network of 96 % on 8 x 8 images down to chance."""
    (plain / "t.py").write_text(TRAINED)
    train = ["train", "qcfs", "t.py:trained", "--data", "digits", "--test", "digits", "--epochs", "2", "--json"]
    kept = cli(*train, "--out", "q.safetensors")
    assert (kept.code, kept.err) == (0, "")
    found = json.loads(kept.out)
    assert found["baseline"]["ann_score"] > 0.9
    assert found["baseline"]["score"] > 0.9
    assert (found["recipe"]["crop"], found["recipe"]["flip"]) == ("none", False)
    lost = cli(*train, "--crop", "padded", "--flip", "--learning-rate", "1", "--out", "lost.safetensors")
    assert lost.code == 0
    assert lost.err.startswith("warning: the training lost what the network knew: top-1 ")
    assert lost.err.count("\n") == 1


LOADERS = """
import torch
from torch.utils.data import DataLoader, TensorDataset
from isospike.data import open_data

def batches():
    return list(open_data("digits", "calibration", preprocess=None, images=256, shuffle=True))

def generated():
    yield from batches()

def loader():
    x, y = (torch.cat(parts) for parts in zip(*batches()))
    return DataLoader(TensorDataset(x, y), batch_size=32)
"""


def test_batches_of_a_file_train_as_the_images_do(cli, plain):
    """The same images in the same order, so the same bits."""
    (plain / "d.py").write_text(LOADERS)
    assert cli("train", "qcfs", *TRAIN, "--out", "images.safetensors").code == 0
    images = load_file(plain / "images.safetensors")
    for name in ("batches", "generated", "loader"):
        arguments = ["m.py:plain", "--data", f"d.py:{name}", *SHORT, "--out", f"{name}.safetensors"]
        result = cli("train", "qcfs", *arguments)
        assert (result.code, result.err) == (0, "")
        assert "batches as given" in result.out
        found = load_file(plain / f"{name}.safetensors")
        assert all(torch.equal(images[key], found[key]) for key in images), name


def test_two_processes_train_what_one_does(cli, plain):
    """Without batch normalisation the batch is the same however it is split; sums are rounded in another order."""
    assert cli("train", "qcfs", *TRAIN, "--out", "one.safetensors").code == 0
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "-m", "isospike", "train", "qcfs", *TRAIN, "--out", "two.safetensors", "--json"]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, cwd=plain, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epochs"][0]["epoch"] == 1
    one, two = load_file(plain / "one.safetensors"), load_file(plain / "two.safetensors")
    assert list(one) == list(two)
    for key in one:
        # float32 sums over 64 images in another order; a code that flips on the way moves a weight by about 1e-4
        torch.testing.assert_close(one[key], two[key], rtol=1e-2, atol=1e-3)


def test_a_killed_run_goes_on_when_it_is_started_again(cli, plain, monkeypatch):
    from isospike.cli.progress import Log

    left = 10

    def interrupt(log: Log, what: str, done: int, total: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt

    assert cli("train", "qcfs", *TRAIN, "--epochs", "4", "--out", "whole.safetensors").code == 0
    command = ["train", "qcfs", *TRAIN, "--epochs", "4", "--out", "q.safetensors"]
    monkeypatch.setattr(Log, "__call__", interrupt)
    stopped = cli(*command)
    assert stopped.code == 130
    assert stopped.err.strip() == (
        "error: interrupted; finished epochs are kept in q.safetensors.checkpoint: the same call goes on from there"
    )
    assert (plain / "q.safetensors.checkpoint").is_file()
    assert not (plain / "q.safetensors").exists()
    assert cli(*command).code == 0
    assert left < -5, "the second run began again instead of going on"
    assert left > -14
    whole, resumed = load_file(plain / "whole.safetensors"), load_file(plain / "q.safetensors")
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_another_configuration_does_not_resume(cli, plain, golden):
    from isospike.data.source import open_data
    from isospike.quantisation import quantise
    from isospike.train import AugmentedImages, Recipe, fit

    class Stop(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        if done > 512:  # two epochs of two steps are behind it
            raise Stop

    recipe = Recipe(epochs=3, batch_size=128, flip=False)
    data = open_data("digits", "calibration", preprocess=None, images=256, shuffle=True)
    network = quantise(load_model("m.py:plain").model, activations["qcfs"](), data=data)
    path = plain / "q.safetensors.checkpoint"
    images = AugmentedImages(data.dataset, recipe)
    with pytest.raises(Stop):
        fit(network, images, images.recipe, checkpoint=path, progress=stop)
    written = path.read_bytes()
    result = cli("train", "qcfs", *TRAIN, "--out", "q.safetensors")
    assert (result.code, result.out) == (2, "")
    golden("error-train-other-checkpoint", result.err)
    assert path.read_bytes() == written
    assert not (plain / "q.safetensors").exists()


LINES = {
    "levels-zero": [*TRAIN, "--levels", "0"],
    "epochs-zero": [*TRAIN, "--epochs", "0"],
    "finished-batches": ["m.py:plain", "--data", "d.py:batches", "--flip", "--cutout", "2"],
    "uneven-batches": ["m.py:plain", "--data", "d.py:uneven"],
    "images-alone": ["m.py:plain", "--data", "d.py:images"],
    "no-test-labels": [*TRAIN, "--test", "d.py:images"],
    "batch-too-large": [*TRAIN, "--batch-size", "1000"],
    "no-relu": ["m.py:bare", "--data", "digits"],
    "no-test-images": [*TRAIN, "--test", "npz:none.npz"],
    "device": [*TRAIN, "--device", "abacus"],
    "out-no-folder": [*TRAIN, "--out", "no/q.safetensors"],
    "out-other-suffix": [*TRAIN, "--out", "q.pt"],
    "one-file-twice": [*TRAIN, "--checkpoint", "./q.safetensors"],
}


@pytest.mark.parametrize("name", LINES)
def test_wrong_input_is_one_line_and_writes_nothing(name, cli, plain, golden):
    (plain / "d.py").write_text(
        "import torch\ndef batches():\n    return [(torch.rand(4, 1, 8, 8), torch.ones(4).long())]\n"
        "def uneven():\n    return [*batches(), (torch.rand(4, 1, 9, 9), torch.ones(4).long())]\n"
        "def images():\n    return [torch.rand(4, 1, 8, 8)]\n"
    )
    with (plain / "m.py").open("a") as file:
        file.write("def bare():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n")
    before = {path.name for path in plain.iterdir()}
    result = cli("train", "qcfs", "--out", "q.safetensors", *LINES[name])
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    golden(f"error-train-{name}", result.err)
    assert {path.name for path in plain.iterdir()} - {"__pycache__"} == before - {"__pycache__"}


def test_adaptive_levels_from_a_network_with_uniform_ones(cli, plain):
    train = ["train", "qcfs", "m.py:deeper", *TRAIN[1:]]
    assert cli(*train, "--levels", "8", "--out", "uniform.safetensors").code == 0
    adapt = ["--adapt-levels", "2,5", "--adapt-from", "uniform.safetensors"]
    result = cli(*train, "--levels", "8", *adapt, "--out", "adapted.safetensors", "--json")
    assert (result.code, result.err) == (0, "")
    model = load_model("m.py:deeper", weights=plain / "adapted.safetensors").model
    levels = {site: model.get_submodule(site).levels for site in model.sites}
    assert json.loads(result.out)["adapted_levels"] == levels
    assert sorted(levels.values()) == [2, 5]


def test_levels_to_share_out_need_a_network(cli, plain):
    result = cli("train", "qcfs", *TRAIN, "--adapt-levels", "2,5", "--out", "q.safetensors")
    assert result.code == 2
    assert "--adapt-levels and --adapt-from belong together" in result.err
    assert not list(plain.glob("q.*"))
