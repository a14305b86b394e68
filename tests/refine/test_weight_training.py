"""Weight calibration: what it minimises, its cache and its checkpoint."""

from __future__ import annotations

import pytest
import torch
from streaming_pairs import errors, layers, pair, refine

from isospike.errors import CalibrationError
from isospike.neurons import streaming as neurons
from isospike.refine import (
    WeightCalibration,
)
from isospike.refine.rows import Rows
from isospike.refine.weights import mean_output

SHORT = WeightCalibration(16, iterations=3, batch_size=4)


def test_weight_calibration_finds_weights_again(captured):
    """Every layer gives a fifth too little, which no potential and no bias can undo."""
    ann, spiking, x = pair("reused_relu", captured)
    with torch.no_grad():
        weights = {key: value * 0.8 for key, value in spiking.state_dict().items() if key.endswith(".weight")}
    wrong = spiking.with_tensors(weights)
    one = WeightCalibration(16, iterations=300, batch_size=16, learning_rate=3e-3)
    right, before, after = (
        sum(e.square().mean().item() for e in errors(ann, graph, x).values())
        for graph in (spiking, wrong, refine([one], ann, wrong, x))
    )
    # what rounding to T levels costs stays; of the rest more than half must go
    assert after - right < (before - right) / 2


def test_weight_calibration_does_not_depend_on_where_rows_lie(captured):
    ann, spiking, x = pair("concat", captured)
    one = SHORT
    elements = 2**40
    memory, files = (refine([one], ann, spiking, x, memory_budget=budget) for budget in (elements, 200_000))
    assert all(torch.equal(value, files.state_dict()[key]) for key, value in memory.state_dict().items())


def test_weight_calibration_goes_on_where_it_stopped(captured, tmp_path):
    ann, spiking, x = pair("concat", captured)
    whole = refine([SHORT], ann, spiking, x)
    path, told = tmp_path / "work", []

    class Stopped(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        told.append((what, done, total))
        if len({what for what, _, _ in told}) == 3:
            raise Stopped

    one = WeightCalibration(16, iterations=100, batch_size=4)
    with pytest.raises(Stopped):
        refine([one], ann, spiking, x, checkpoint=path, progress=stop)
    again: list[str] = []
    resumed = refine([one], ann, spiking, x, checkpoint=path, progress=lambda what, *_: again.append(what))
    assert len(again) == len(set(again)) < len(layers(spiking))
    expected = refine([one], ann, spiking, x)
    assert all(torch.equal(value, expected.state_dict()[key]) for key, value in resumed.state_dict().items())
    other = refine([SHORT], ann, spiking, x, checkpoint=path)  # of another configuration: nothing is taken over
    assert all(torch.equal(value, whole.state_dict()[key]) for key, value in other.state_dict().items())
    turned = refine([one], ann, spiking, x.flip(0), checkpoint=path)  # of other images
    expected = refine([one], ann, spiking, x.flip(0))
    assert all(torch.equal(value, expected.state_dict()[key]) for key, value in turned.state_dict().items())


def test_caches_leave_no_file_behind(tmp_path, monkeypatch):
    """Not even when the process is killed: their names are gone as soon as they are mapped."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Rows(6, [(3,), (2, 2)], torch.float64, budget=0) as rows:
        assert list(tmp_path.iterdir()) == []
        written = [torch.rand(6, 3).double(), torch.rand(6, 2, 2).double()]
        rows.add(written)
        assert all(map(torch.equal, rows.take(torch.arange(6)), written))


def test_a_file_of_something_else_is_no_checkpoint(captured, tmp_path):
    ann, spiking, x = pair("concat", captured)
    path = tmp_path / "work"
    path.write_bytes(b"something")
    with pytest.raises(CalibrationError, match="calibration checkpoint"):
        refine([SHORT], ann, spiking, x, checkpoint=path)


def test_mean_output_is_the_closed_form():
    theta, steps = torch.tensor(0.5).double(), 7
    neuron = neurons["integrate-and-fire"](theta, theta / 4, bias=torch.tensor([0.125]).double())
    z = (torch.arange(-16, 40).double() / 32).requires_grad_()
    got = mean_output(neuron, z, steps)
    run, _ = neuron.advance(z.detach().expand(steps, 1, -1), neuron.start(z.detach()[None]), overwrite=False)
    # all numbers are multiples of 1/32 and sums of seven
    torch.testing.assert_close(got.detach(), run.mean(0)[0], rtol=1e-12, atol=0)
    (slope,) = torch.autograd.grad(got.sum(), z)
    assert torch.equal(slope, ((z + 0.125 + theta / 28 > 0) & (z + 0.125 + theta / 28 < 0.5)).double())
