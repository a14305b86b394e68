"""Training from a teacher instead of labels."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset
from train_cases import RECIPE, Killed, batches, inputs, killing_after, linear, network, same

from isospike.errors import OptionError, TrainingError
from isospike.train import Recipe, fit


def test_a_teacher_takes_the_place_of_labels():
    """One step on all images, beside the divergence written out; labels that are none do not matter."""
    x = batches(24).tensors[0].double()
    student, teacher = linear(), nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).double().eval()
    recipe = Recipe(epochs=1, batch_size=24, learning_rate=0.1, weight_decay=0.0, momentum=0.0, distillation=3.0)
    trained = fit(student, TensorDataset(x, torch.full((24,), -1)), recipe, teacher=teacher)
    model = linear()
    wanted = (teacher(x) / 3).softmax(1).detach()
    loss = 9 * (wanted * (wanted.log() - (model(x) / 3).log_softmax(1))).sum(1).mean()
    loss.backward()
    assert trained.history[0].loss == pytest.approx(loss.item(), rel=1e-12)  # float64, the images in another order
    assert trained.history[0].score == (model(x).argmax(1) == teacher(x).argmax(1)).double().mean()
    for name, p in model.named_parameters():
        # likewise the gradients
        torch.testing.assert_close(trained.model.get_parameter(name), p - 0.1 * p.grad, rtol=1e-10, atol=1e-12)
    assert all(p.grad is None for p in teacher.parameters())
    assert not any(p.requires_grad is False for p in teacher.parameters())


def test_a_checkpoint_with_another_teacher_is_refused(tmp_path):
    recipe = dataclasses.replace(RECIPE, distillation=2.0, label_smoothing=0.0)
    teachers = [linear().float().eval(), linear().float().eval()]
    with torch.no_grad():
        teachers[1][1].bias += 1
    with pytest.raises(Killed):
        fit(network(), batches(), recipe, teacher=teachers[0], checkpoint=tmp_path / "c", progress=killing_after(5))
    with pytest.raises(TrainingError, match="the teacher is another"):
        fit(network(), batches(), recipe, teacher=teachers[1], checkpoint=tmp_path / "c")
    resumed = fit(network(), batches(), recipe, teacher=teachers[0], checkpoint=tmp_path / "c")
    assert same(fit(network(), batches(), recipe, teacher=teachers[0]).model, resumed.model)


class NotFinite(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, :3] * torch.nan


@pytest.mark.parametrize(
    ("message", "data", "teacher"),
    [
        ("the teacher has 7 classes, the network 3", batches(), linear(7).float()),
        ("scores are not finite", batches(), NotFinite()),
        (r"pairs \(input, label\)", TensorDataset(inputs(32)), linear().float()),
    ],
)
def test_teachers_and_data_that_do_not_fit_are_refused(message, data, teacher):
    recipe = Recipe(epochs=1, batch_size=16, distillation=2.0)
    with pytest.raises(TrainingError, match=message):
        fit(network(), data, recipe, teacher=teacher.eval())


@pytest.mark.parametrize(("temperature", "given"), [(2.0, False), (0.0, True)])
def test_teacher_and_temperature_belong_together(temperature, given):
    recipe = Recipe(epochs=1, batch_size=16, distillation=temperature)
    with pytest.raises(OptionError, match="distillation needs a teacher and a temperature"):
        fit(network(), batches(), recipe, teacher=linear() if given else None)
