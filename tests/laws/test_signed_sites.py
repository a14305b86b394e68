"""Networks with signed sites: every method serves them or says which do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect_scales
from isospike.errors import ConversionError
from isospike.methods.signed_sites import parts_without_sign
from isospike.pooling import place_average_pool_neurons
from isospike.scales import MaximumRule, MMSERule, PercentileRule, ScaleRule
from short_methods import HORIZONS, METHODS, STREAMING
from signed_networks import Bottleneck, with_signed_site

ABLE = [name for name, method in STREAMING.items() if not parts_without_sign(method)]
UNABLE = [name for name, method in METHODS.items() if parts_without_sign(method)]
STEPS = 32
assert STEPS in HORIZONS


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(24, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture(scope="module")
def graph(images) -> iso.Graph:
    torch.manual_seed(0)
    return with_signed_site(iso.capture(Bottleneck().double().eval(), images[:2]), "second")


@pytest.fixture(scope="module")
def networks(graph, images) -> dict[str, iso.SNN]:
    return {name: iso.convert(graph, METHODS[name], data=[images]) for name in ABLE}


def test_most_of_the_methods_of_streaming_neurons_serve():
    assert {"maximum", "percentile", "burst", "buffered", "calibrated-buffered"} <= set(ABLE)
    assert {"spike-norm", "local-threshold-balancing", "snm", "srp", "cos"} <= set(UNABLE)


@pytest.mark.parametrize("name", UNABLE)
def test_others_refuse_in_one_line(name, graph, images):
    with pytest.raises(ConversionError, match=r"cannot serve 1 signed site \('signed' is the first\)") as caught:
        iso.convert(graph, METHODS[name], data=[images])
    line = str(caught.value)
    assert "\n" not in line
    assert "maximum, " in line
    assert "sites='rectifiers'" in line


@pytest.mark.parametrize("name", ABLE)
def test_trains_have_both_signs_and_means_come_near(name, networks, graph, images):
    snn, trains = networks[name], {}
    watch = lambda site, train: trains.setdefault(site, []).append(train.clone())  # noqa: E731
    run = iso.simulate(snn, images, steps=STEPS, record=iso.Record(watch=watch))
    sent = torch.cat(trains["signed"])
    assert (sent < 0).any()
    assert (sent > 0).any()
    # spikes of one threshold at a site with as large a range as the bottleneck's are off by 13 % after 32 steps
    assert (run.output - graph(images)).norm() / graph(images).norm() < 0.2


@pytest.mark.parametrize("name", [name for name in ABLE if METHODS[name].horizons == (None,)])
def test_cut_in_two_and_step_by_step(name, networks, images):
    whole = iso.simulate(networks[name], images, steps=12)
    first = iso.simulate(networks[name], images, steps=5)
    second = iso.simulate(networks[name], images, steps=7, state=first.state)
    stepped = iso.simulate(networks[name], images, steps=12, executor="step")
    for site, spikes in whole.spikes.items():
        assert torch.equal(torch.cat([first.spikes[site], second.spikes[site]]), spikes)
        assert torch.equal(stepped.spikes[site], spikes)


def test_thresholds_are_those_of_magnitudes(graph, images):
    """The largest magnitude; its percentile, to a bin; the unit of least squared error among a hundred candidates."""
    z = _current(graph, images)
    found = {
        rule.title(): _threshold(graph, images, rule)
        for rule in (MaximumRule("channel"), PercentileRule("layer", 90.0), MMSERule("layer", 7, phase=0.0))
    }
    # the capture lays out maps otherwise, which adds up products in another order
    assert (found["maximum"].flatten() - z.abs().amax((0, 2, 3))).abs().max() <= 1e-14
    assert abs(found["percentile"] - z.abs().flatten().quantile(0.9)) <= 2 * z.abs().max() / 2048
    largest = z.abs().max()
    errors = []
    for i in range(1, 101):
        u = largest * i / 700
        errors.append(((z / u + 0.5).floor().clamp(-7, 7) * u - z).square().mean())
    best = largest * (1 + torch.stack(errors).argmin()) / 100
    assert abs(found["mmse"] - best) <= largest / 100  # neighbours differ by less than the bins resolve


def test_bias_calibration_gives_channels_their_mean(graph, images):
    """Of the site itself, at the number of steps and on the images that calibrated it; one batch."""
    method = iso.methods.CalibrationLight(steps=(4,), refine_images=len(images))
    snn, sums = iso.convert(graph, method, data=[images]), []
    watch = lambda site, train: sums.append(train.sum(0)) if site == "signed" else None  # noqa: E731
    iso.simulate(snn, images, steps=4, record=iso.Record(watch=watch))
    target = _current(graph, images).mean((0, 2, 3))
    plain = iso.convert(graph, iso.methods.CalibrationLight(steps=(4,), refine_images=1), data=[images])
    calibrated = (sum(sums) / 4).mean((0, 2, 3)) - target
    sums.clear()
    iso.simulate(plain, images, steps=4, record=iso.Record(watch=watch))
    assert calibrated.norm() < ((sum(sums) / 4).mean((0, 2, 3)) - target).norm()


def test_average_pools_of_values_of_both_signs_get_signed_sites():
    class Pooled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.pool, self.head = torch.nn.Conv2d(3, 4, 3), torch.nn.AvgPool2d(2), torch.nn.Linear(36, 5)
            self.relu = torch.nn.ReLU()

        def forward(self, x):
            return self.head(self.relu(self.pool(self.conv(x))).flatten(1))

    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    graph = with_signed_site(iso.capture(Pooled().eval(), x), "conv")
    placed = place_average_pool_neurons(graph)
    assert placed.sites == ("signed", "pool_neuron", "relu")
    assert torch.equal(placed(x), graph(x))


def _current(graph: iso.Graph, images: Tensor) -> Tensor:
    model = Bottleneck().double()
    model.load_state_dict(dict(graph.state_dict()))
    return model.second(model.relu(model.first(images))).detach()


def _threshold(graph: iso.Graph, images: Tensor, rule: ScaleRule) -> Tensor:
    return collect_scales(graph, rule, Batches([images]))["signed"]
