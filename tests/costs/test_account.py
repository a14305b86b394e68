"""Hand-counted accounts, and what `account` refuses."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from blocks import Network, conv
from isospike.costs import CURRENTS, INPUT
from isospike.errors import DataError, SimulationError
from isospike.neurons import if_operations
from networks import ALL
from short_methods import HORIZONS, METHODS


def always_spiking(method: str) -> tuple[iso.SNN, Tensor]:
    """A 4 x 4 image of ones, three channels that always spike, a 3 x 3 convolution with padding, a linear layer."""

    def forward(n: Any, x: Tensor) -> Tensor:
        return n.head(n.second(n.first(x).relu()).relu().flatten(1))

    layers = {"first": conv(1, 3, 1, bias=False), "second": conv(3, 2, bias=False), "head": nn.Linear(32, 5)}
    model, x = Network(forward, layers).double().eval(), torch.ones(2, 1, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        model.first.weight.fill_(1)
    return iso.convert(model, METHODS[method], data=[x]), x


def test_counted_by_hand():
    snn, x = always_spiking("maximum")
    costs = iso.account(snn, [(x, torch.zeros(2))], steps=4)[4]
    cells = {(entry.site, entry.op): entry for entry in costs.entries}
    assert cells["relu", "relu"].spikes == 2 * 4 * 3 * 16
    # each axis of a padded 3 x 3 window over 4 positions: 2 + 3 + 3 + 2 = 10 of 12 products
    assert cells["relu", "second"].synops == 2 * 4 * 10 * 10 * 3 * 2
    assert cells["relu", "second"].synops_by_rate == 2 * 4 * 12 * 12 * 3 * 2
    assert cells[INPUT, "first"].macs == 2 * 16 * 3
    assert cells["relu#2", "head"].synops == 5 * cells["relu#2", "relu#2"].packets
    assert costs.total().neuron_updates == 4 * (48 + 32)
    assert costs.spikes_by_step()["relu"] == (48.0,) * 4
    assert costs.total().synops_by_rate == float(sum((e.synops_by_rate for e in costs.entries), Fraction(0)) / 2)
    assert (CURRENTS, "head") not in cells


@pytest.mark.parametrize("method", ["bit-coded", "pascal"])
def test_emitting_neurons_have_steps_of_their_own(method):
    snn, x = always_spiking(method)
    (costs,) = iso.account(snn, [x]).values()
    first = snn.graph.get_submodule("relu")
    updates = {
        "bit-coded": (first.steps, first.steps),
        "pascal": (first.levels, if_operations(first.levels, first.steps)),  # the image is quantised at once
    }
    assert costs.total().neuron_updates == 48 * updates[method][0] + 32 * updates[method][1]
    spikes = {"bit-coded": first.levels.bit_count(), "pascal": first.levels}[method]  # the largest code of all
    assert costs.by_op()["second"].synops == spikes * 10 * 10 * 3 * 2


def test_currents_are_products_at_every_step(converted):
    """Two layers without a neuron between: behind spikes at every step, behind the image once."""

    def forward(n: Any, x: Tensor) -> Tensor:
        return n.d(n.c(n.b(n.a(x)).relu().flatten(1)))

    layers = {"a": conv(1, 2, 1), "b": conv(2, 2, 1), "c": nn.Linear(32, 6), "d": nn.Linear(6, 3)}
    model, x = Network(forward, layers).double().eval(), torch.randn(2, 1, 4, 4, dtype=torch.float64)
    for method, steps in (("maximum", 7), ("bit-coded", None)):
        snn = iso.convert(model, METHODS[method], data=[x], sites="rectifiers")
        ((t, costs),) = iso.account(snn, [x], steps=steps).items()
        macs = {(entry.site, entry.op): entry.macs // 2 for entry in costs.entries if entry.macs}
        assert macs == {(INPUT, "a"): 32, (INPUT, "b"): 64, (CURRENTS, "d"): 18 * t}


def test_calibrated_networks_have_costs_where_they_were_calibrated(converted):
    snn = converted("reused_relu", METHODS["calibration-light"])
    found = iso.account(snn, [ALL["reused_relu"].inputs(2)])
    assert list(found) == sorted(HORIZONS)
    with pytest.raises(SimulationError, match="not calibrated"):
        iso.account(snn, [ALL["reused_relu"].inputs(2)], steps=5)


def test_the_object_is_json(converted):
    costs = iso.account(converted("gated", METHODS["maximum"]), [ALL["gated"].inputs(2)], steps=3)[3]
    again = json.loads(json.dumps(costs.to_dict()))
    assert again == costs.to_dict()
    assert set(again) == {
        *("steps", "images", "total", "by_site", "by_op", "spikes_by_step", "packets_by_step", "not_counted")
    }


def test_progress_counts_batches(converted):
    seen: list[tuple[str, int, int]] = []
    x = ALL["module_relu"].inputs(5)
    iso.account(
        converted("module_relu", METHODS["maximum"]),
        list(x.split(2)),
        steps=1,
        progress=lambda *what: seen.append(what),
    )
    assert seen == [("accounting", done, 3) for done in (1, 2, 3)]


@pytest.mark.parametrize("steps", [None, 0, -1, [], [2, 0], 1.5, True, 2_000_000])
def test_steps_are_checked(steps, converted):
    with pytest.raises(SimulationError, match="steps"):
        iso.account(converted("module_relu", METHODS["maximum"]), [ALL["module_relu"].inputs(2)], steps=steps)


def test_data_are_checked(converted):
    snn = converted("module_relu", METHODS["maximum"])
    with pytest.raises(DataError, match="no sample"):
        iso.account(snn, [], steps=2)
    with pytest.raises(DataError, match="no sample"):
        iso.account(snn, [torch.zeros(0, 3, 8, 8)], steps=2)
    with pytest.raises(SimulationError, match=r"an account takes images \[B, 3, 8, 8\]"):
        iso.account(snn, [torch.zeros(2, 3, 8, dtype=torch.float64)], steps=2)
    with pytest.raises(SimulationError, match="shape"):
        iso.account(snn, [torch.zeros(2, 1, 8, 8, dtype=torch.float64)], steps=2)
    with pytest.raises(SimulationError, match="account takes"):
        iso.account(nn.ReLU(), [torch.zeros(2)], steps=2)
    with pytest.raises(SimulationError, match="takes 4 steps"):
        iso.account(converted("module_relu", METHODS["bit-coded"]), [ALL["module_relu"].inputs(2)], steps=2)
    with pytest.raises(SimulationError, match=r"answers asked for at steps \[2, 4\], there is one, at 4"):
        iso.account(converted("module_relu", METHODS["bit-coded"]), [ALL["module_relu"].inputs(2)], steps=[2, 4])
