"""The training loop: beside a naive one, after a kill, and with everything a user can get wrong."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset
from train_cases import RECIPE, Killed, batches, inputs, killing_after, linear, network, same

import isospike as iso
from isospike.data import Preprocess
from isospike.data.dataset import ImageDataset
from isospike.data.images import Images
from isospike.errors import OptionError, TrainingError
from isospike.train import AugmentedImages, LevelSchedule, Recipe, fit

HERE = Path(__file__).parent


def test_the_loop_is_gradient_descent_with_momentum():
    """One step per epoch on all images, beside the update written out."""
    x, labels = batches(24).tensors
    x = x.double()
    recipe = Recipe(epochs=5, batch_size=24, learning_rate=0.1, weight_decay=0.01, label_smoothing=0.1, ema=0.7)
    trained = fit(linear(), TensorDataset(x, labels), recipe)
    plain = fit(linear(), TensorDataset(x, labels), dataclasses.replace(recipe, ema=0.0))
    model = linear()
    velocity = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    mean: dict[str, torch.Tensor] = {}
    for step in range(5):
        loss = F.cross_entropy(model(x), labels, label_smoothing=0.1)
        assert trained.history[step].loss == pytest.approx(loss.item(), rel=1e-12)  # the images in another order
        grads = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for (name, p), grad in zip(model.named_parameters(), grads, strict=True):
                decay = 0.01 if name.endswith("weight") else 0.0
                velocity[name] = 0.9 * velocity[name] + grad + decay * p
                p -= recipe.rate(step, 5) * velocity[name]
                mean[name] = 0.7 * mean[name] + 0.3 * p if step else p.clone()
    for name, p in model.named_parameters():
        # the images are summed in another order; five steps
        torch.testing.assert_close(plain.model.get_parameter(name), p, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(trained.model.get_parameter(name), mean[name], rtol=1e-10, atol=1e-12)


def test_parts_of_a_batch_add_up():
    x, labels = batches(24).tensors
    data = TensorDataset(x.double(), labels)
    recipe = Recipe(epochs=2, batch_size=12, bit_sparsity=1e-3)
    whole, parts = (fit(linear(), data, dataclasses.replace(recipe, accumulation=n)) for n in (1, 4))
    for a, b in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        # float64 sums in another order
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
    assert [e.loss for e in whole.history] == pytest.approx([e.loss for e in parts.history], rel=1e-9)


def test_training_learns_and_leaves_the_argument_alone():
    model, data = network(), batches(96)
    before, random = copy.deepcopy(model), torch.get_rng_state()
    recipe = Recipe(epochs=12, batch_size=16, learning_rate=0.1)
    trained = fit(model, data, recipe)
    assert same(model, before)
    assert torch.equal(torch.get_rng_state(), random)
    assert not trained.model.training
    assert trained.history[-1].loss < 0.8 * trained.history[0].loss
    assert [epoch.epoch for epoch in trained.history] == list(range(1, 13))
    again = fit(model, data, recipe)
    assert same(trained.model, again.model)
    assert not same(fit(model, data, dataclasses.replace(recipe, seed=1)).model, trained.model)


@pytest.mark.parametrize("steps", [1, 6, 16])
def test_a_resumed_training_is_the_uninterrupted_one(steps, tmp_path):
    """Killed in the first epoch, in the second, and at the very last step."""
    whole = fit(network(), batches(), RECIPE, log=tmp_path / "whole.jsonl")
    path, log = tmp_path / "c", tmp_path / "resumed.jsonl"
    with pytest.raises(Killed):
        fit(network(), batches(), RECIPE, checkpoint=path, log=log, progress=killing_after(steps))
    seen = []
    resumed = fit(network(), batches(), RECIPE, checkpoint=path, log=log, progress=lambda *what: seen.append(what))
    assert same(whole.model, resumed.model)
    assert seen[-1] == ("training", 4 * 64, 4 * 64)
    assert [done for _, done, _ in seen] == list(range(seen[0][1], 4 * 64 + 1, RECIPE.batch_size))
    assert seen[0][1] > (steps - 1) // 4 * 64  # of the epochs that were finished nothing is done again
    first, second = ([json.loads(line) for line in p.read_text().splitlines()] for p in (tmp_path / "whole.jsonl", log))
    for a, b in zip(first, second, strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
    finished = fit(network(), batches(), RECIPE, checkpoint=path)
    assert same(whole.model, finished.model)
    assert finished.history == resumed.history


def test_a_training_survives_sigkill(tmp_path):
    path = tmp_path / "c"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, str(HERE / "killed.py"), str(path), "10"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert [file.name for file in tmp_path.iterdir()] == ["c"]
    resumed = fit(network(), batches(), RECIPE, checkpoint=path)
    assert same(fit(network(), batches(), RECIPE).model, resumed.model)


OTHERS = {
    "epochs is 4 there and 5 here": {"recipe": dataclasses.replace(RECIPE, epochs=5)},
    "learning_rate is 0.05 there and 0.1 here": {"recipe": dataclasses.replace(RECIPE, learning_rate=0.1)},
    "images is 70 there and 71 here": {"data": batches(71)},
    "started from other weights": {"shift": 0.5},
    "the model has other tensors": {"model": nn.Sequential(nn.Flatten(), nn.Linear(64, 3))},
    "the activations are configured differently": {"levels": 7},
}


@pytest.mark.parametrize("message", OTHERS)
def test_a_checkpoint_of_another_training_is_refused_and_kept(message, tmp_path):
    path, model, other = tmp_path / "c", network(), dict(OTHERS[message])
    with pytest.raises(Killed):
        fit(model, batches(), RECIPE, checkpoint=path, progress=killing_after(5))
    written = path.read_bytes()
    if levels := other.pop("levels", None):
        other["model"] = copy.deepcopy(model)
        for module in other["model"].modules():
            if isinstance(module, iso.activations.TrainableActivation):
                module.activation = dataclasses.replace(module.activation, levels=levels)
    if shift := other.pop("shift", None):
        other["model"] = copy.deepcopy(model)
        next(other["model"].parameters()).data += shift
    options = {"model": model, "data": batches(), "recipe": RECIPE, **other}
    with pytest.raises(TrainingError, match=message) as caught:
        fit(options["model"], options["data"], options["recipe"], checkpoint=path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == written


@pytest.mark.parametrize("content", [b"", b"text", b"\x08\0\0\0\0\0\0\0{}      ", b"\x80\x04."], ids=str)
def test_a_damaged_checkpoint_is_refused_and_kept(content, tmp_path):
    path = tmp_path / "c"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="checkpoint"):
        fit(network(), batches(), RECIPE, checkpoint=path)
    assert path.read_bytes() == content


def test_a_checkpoint_without_its_tensors_is_refused(tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    path = tmp_path / "c"
    fit(network(), batches(), dataclasses.replace(RECIPE, epochs=1), checkpoint=path)
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    tensors = load_file(path)
    del tensors[next(name for name in tensors if name.startswith("model."))]
    save_file(tensors, path, metadata=header)
    with pytest.raises(TrainingError, match="damaged: it lacks tensors"):
        fit(network(), batches(), dataclasses.replace(RECIPE, epochs=1), checkpoint=path)


def test_the_number_of_reading_processes_does_not_matter():
    random = np.random.default_rng(0)
    pixels, labels = random.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8), random.integers(0, 3, 40)
    plain = Preprocess(size=None, mean=(0.5,), std=(0.25,))
    images = ImageDataset(Images("noise", pixels, labels, None), np.arange(40), plain)
    trained = []
    for workers in (0, 2):
        recipe = Recipe(epochs=2, batch_size=10, crop_padding=1, cutout=2, workers=workers)
        trained.append(fit(network(), AugmentedImages(images, recipe), recipe).model)
    assert same(*trained)


def test_bfloat16_trains():
    recipe = Recipe(epochs=12, batch_size=16, learning_rate=0.1, precision="bfloat16", bit_sparsity=1e-6)
    trained = fit(network(), batches(), recipe)
    assert all(p.dtype == torch.float32 for p in trained.model.parameters())
    assert trained.model(inputs(2)).dtype == torch.float32
    assert trained.history[-1].loss < 0.8 * trained.history[0].loss


def test_the_bit_sparsity_removes_ones():
    def ones(coefficient: float) -> float:
        recipe = Recipe(epochs=6, batch_size=16, bit_sparsity=coefficient)
        model = fit(network(), batches(), recipe).model
        with iso.activations.BitSparsity(model) as penalty, torch.no_grad():
            model(inputs(64))
        return penalty.total().item()

    assert ones(1e-3) < 0.8 * ones(0.0)


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (TrainingError, "fill no batch of 128", {"recipe": Recipe(epochs=1)}),
        (TrainingError, "scores", {"model": nn.Conv2d(1, 2, 3)}),
        (OptionError, r"labels lie in 0\.\.2, but the model has 2 classes", {"model": linear(2).float()}),
        (TrainingError, "not finite in epoch 1", {"recipe": Recipe(epochs=1, batch_size=16, learning_rate=1e30)}),
        (OptionError, "float16 needs a GPU", {"recipe": Recipe(precision="float16")}),
        (OptionError, "device 'abacus' is not available", {"device": "abacus"}),
    ],
)
def test_wrong_requests_are_refused_and_write_nothing(error, message, options, tmp_path):
    options = {"model": network(), "recipe": Recipe(epochs=1, batch_size=16), "device": "cpu", **options}
    with pytest.raises(error, match=message):
        fit(options["model"], batches(), options["recipe"], checkpoint=tmp_path / "c", device=options["device"])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_found_before_the_training(tmp_path):
    with pytest.raises(iso.errors.OutputError, match="create it first"):
        fit(network(), batches(), RECIPE, checkpoint=tmp_path / "no" / "c")


SITES = ("0.2", "0.5")
"""Paths of the activations of `network`."""


def levels_of(model: nn.Module) -> list[int | None]:
    return [module.levels for module in model.modules() if isinstance(module, iso.activations.TrainableActivation)]


def test_levels_switch_after_two_thirds_of_the_epochs():
    """Until the switch the training is the uniform one; then it is the one of a network with the adapted levels."""
    model, seen = network(), []
    model.register_forward_hook(lambda module, inputs, output: seen.append(levels_of(module)))
    recipe = dataclasses.replace(RECIPE, epochs=6, accumulation=1)
    schedule = LevelSchedule({SITES[0]: 7, SITES[1]: 1})
    trained = fit(model, batches(), recipe, levels=schedule)
    assert levels_of(model) == [3, 3]
    assert levels_of(trained.model) == [7, 1]
    assert schedule.switch(6) == 4
    batches_per_epoch = 4
    assert seen == [[3, 3]] * 4 * batches_per_epoch + [[7, 1]] * 2 * batches_per_epoch
    uniform = fit(model, batches(), recipe)
    losses = [[epoch.loss for epoch in run.history] for run in (trained, uniform)]
    assert losses[0][:4] == losses[1][:4]
    assert losses[0][4] != losses[1][4]


@pytest.mark.parametrize(("epochs", "switch"), [(300, 200), (120, 80), (2, 1)])
def test_the_papers_switches(epochs, switch):
    assert LevelSchedule({"a": 1}).switch(epochs) == switch


@pytest.mark.parametrize("steps", [6, 14])
def test_a_training_with_adapted_levels_resumes(steps, tmp_path):
    """Killed before the switch and after it; the averaged weights have the levels too."""
    schedule = LevelSchedule({SITES[0]: 1, SITES[1]: 7})
    whole = fit(network(), batches(), RECIPE, levels=schedule)
    with pytest.raises(Killed):
        fit(network(), batches(), RECIPE, levels=schedule, checkpoint=tmp_path / "c", progress=killing_after(steps))
    with pytest.raises(TrainingError, match="the adapted levels are others"):
        fit(network(), batches(), RECIPE, checkpoint=tmp_path / "c")
    resumed = fit(network(), batches(), RECIPE, levels=schedule, checkpoint=tmp_path / "c")
    assert same(whole.model, resumed.model)
    assert levels_of(resumed.model) == [1, 7]
    finished = fit(network(), batches(), RECIPE, levels=schedule, checkpoint=tmp_path / "c")
    assert levels_of(finished.model) == [1, 7]


@pytest.mark.parametrize(
    ("adapted", "message"),
    [
        ({}, "needs the levels of every site"),
        ({"0.2": 3, "conv": 3}, r"missing \['0.5'\], unknown \['conv'\]"),
        ({"0.2": 0, "0.5": 3}, "levels must be"),
    ],
)
def test_levels_that_do_not_fit_are_refused(adapted, message):
    with pytest.raises(OptionError, match=message):
        fit(network(), batches(), RECIPE, levels=LevelSchedule(adapted))


def test_an_activation_without_levels_cannot_adapt():
    model = nn.Sequential(nn.Flatten(), iso.activations.Clip().module(1.0), nn.Linear(64, 3))
    with pytest.raises(OptionError, match="'1' is clip, which has no levels"):
        fit(model, batches(), RECIPE, levels=LevelSchedule({"1": 3}))
