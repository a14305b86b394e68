"""Networks with one output: nothing agrees with everything."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike.errors import ChoiceError, SimulationError
from isospike.tasks import Classification, Regression


def data(start: int, stop: int) -> list[tuple[Tensor, Tensor]]:
    x = torch.rand(400, 4, generator=torch.Generator().manual_seed(0))[start:stop]
    y = (x[:, :1] - x[:, 1:2]).abs() + x[:, 2:3] - 1
    return list(zip(x.split(50), y.split(50), strict=True))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    adam = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(300):
        loss = sum(nn.functional.mse_loss(net(x), y) for x, y in data(0, 200))
        adam.zero_grad()
        loss.backward()
        adam.step()
    return net.eval()


def dead(snn: iso.SNN) -> iso.SNN:
    """Thresholds that no current reaches, and nothing in the membranes."""
    silent = copy.deepcopy(snn)
    for site in silent.sites:
        for name, tensor in silent.graph.get_submodule(site).named_buffers():
            tensor.mul_(0 if name == "v_init" else 1e6)
    return silent


def test_a_dead_network_agrees_with_nothing(model):
    snn = iso.convert(model, iso.methods.Maximum(), data=data(0, 200))
    assert snn.task == Regression()
    silent, test = dead(snn), data(200, 400)
    alive, gone = (iso.evaluate(one, test, steps=[64]) for one in (snn, silent))
    assert gone.spikes[64] == 0
    assert alive.agreement[64] < 0.1 < 0.5 < gone.agreement[64]
    assert alive.metric[64] < 0.2 < 0.5 < gone.metric[64]
    assert iso.verify(model, silent, test, steps=64).agreement > 0.5
    found = iso.diagnose(model, silent, test, steps=64)
    assert found.measured.value == pytest.approx(gone.metric[64])
    assert found.verdict.startswith("Relative error of the network: ")
    unlabelled = iso.diagnose(model, silent, [x for x, _ in test], steps=64)
    assert (unlabelled.metric, unlabelled.measured.value) == ("agreement", pytest.approx(gone.agreement[64]))


@pytest.mark.parametrize("labelled", [True, False])
def test_a_choice_holds(model, labelled):
    """Of the networks that were cheapest, dead ones among them, one was chosen that was off by more than the spread."""
    sets = [[batch if labelled else batch[0] for batch in data(*part)] for part in ((200, 300), (300, 400))]
    choice = iso.auto(
        model, data(0, 200), sets[0], report=sets[1], methods=["bit-coded", "maximum"], steps=(1, 2, 8), max_drop=3.0
    )
    assert choice.metric == ("score" if labelled else "agreement")
    ann = choice.ann["selection"] if labelled else 0.0
    assert choice.cell.value <= ann + 0.03 + 1e-9
    assert choice.report.value < ann + 0.06
    assert all(one.cell.value < 1 for one in choice.front())
    with pytest.raises(ChoiceError, match=r"within 0\.01 points of the ANN; nearest: .* points on "):
        iso.auto(model, data(0, 200), sets[0], methods=["maximum"], steps=(1, 2), max_drop=0.01)


def test_a_comparison_ranks_by_the_error(model):
    found = iso.compare(model, data(0, 200), data(200, 400), methods=["bit-coded"], steps=(1, 4, 8))
    errors = {cell.steps: cell.score for cell in found.cells}
    assert errors[8] < errors[4] < errors[1]
    assert found.best(max_drop=2.0).steps == 8
    assert (found.cells[2].label, found.cells[2].steps) == ("bit-coded", 8)
    assert "Relative error on 200 images" in str(found)
    assert found.measure.heading == "relative error %"


def test_a_logit_is_a_binary_classifier_when_it_is_told(model):
    batches = [(x, (y[:, 0] > 0).float()) for x, y in data(200, 400)]
    snn = iso.convert(model, iso.methods.Maximum(), data=batches, task="classification")
    assert snn.task == Classification()
    found = iso.evaluate(snn, batches, steps=[64], exit=iso.exits.Confidence(0.9, temperature=4.0))
    with torch.no_grad():
        right = [((model(x)[:, 0] > 0).float() == t) for x, t in batches]
    assert found.ann == pytest.approx(torch.cat(right).double().mean().item())
    assert found.agreement[64] > 0.9
    assert 1 <= found.exit.mean_steps < 64
    assert iso.evaluate(dead(snn), batches, steps=[64]).agreement[64] < found.agreement[64]
    plain = iso.convert(model, iso.methods.Maximum(), data=batches)
    with pytest.raises(SimulationError, match="compares alternatives such as classes, the task 'regression'"):
        iso.evaluate(plain, batches, steps=[4], exit=iso.exits.Confidence(0.9))
