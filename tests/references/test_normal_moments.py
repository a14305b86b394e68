"""Moments from batch normalisations against those of sampled currents, and the thresholds made of them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect_scales
from isospike.errors import CalibrationError
from isospike.graphs.graph import argument, op_of
from isospike.scales import BatchNormRule
from isospike.scales.gaussian import best_unit
from isospike.scales.normal_moments import normal_moments

SAMPLES = 1_000_000


class Residual(nn.Module):
    """Two blocks with shortcuts: as it is, then every other place with channels of zeros beside."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_bn = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.first, self.first_bn = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.second, self.second_bn = nn.Conv2d(4, 8, 3, 2, 1), nn.BatchNorm2d(8, affine=False)
        self.last = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem_bn(self.stem(x)))
        x = F.relu(self.first_bn(self.first(x)) + x)
        x = F.relu(self.second_bn(self.second(x)) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2)))
        return self.last(F.adaptive_avg_pool2d(x, 1).flatten(1))


@pytest.fixture
def model() -> Residual:
    torch.manual_seed(0)
    model = Residual().double().eval()
    for name, module in model.named_modules():
        if name.endswith("bn"):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            if module.affine:
                nn.init.uniform_(module.weight, -1.5, 1.5)
                nn.init.normal_(module.bias)
    return model


def images(seed: int = 0) -> Tensor:
    return torch.randn(4, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def drawn(norm: nn.BatchNorm2d) -> Tensor:
    """Independent normal values behind a normalisation ``[samples, C]``."""
    z = torch.randn(SAMPLES, norm.num_features, dtype=torch.float64)
    return z * norm.weight.detach() + norm.bias.detach() if norm.affine else z


def sampled(model: Residual) -> list[Tensor]:
    """Currents of the three sites, branches independent as the rule assumes."""
    stem = drawn(model.stem_bn)
    first = drawn(model.first_bn) + stem[torch.randperm(SAMPLES)].relu()
    normal = first.mean(0) + first.std(0, correction=0) * torch.randn_like(first)  # as if the sum were normal
    return [stem, first, drawn(model.second_bn) + F.pad(normal.relu(), (2, 2))]


def test_moments_are_those_of_sampled_currents(model):
    graph = iso.fold_batch_norm(iso.capture(model, images()))
    nodes = {op_of(node).name: node for node in graph.op_nodes()}
    for site, z in zip(graph.sites, sampled(model), strict=True):
        found = normal_moments(graph, argument(nodes[site]))
        s = z.std(0, correction=0)
        # a million samples: the mean within 5 standard errors, the deviation within 5 of 0.8 s / 1000
        assert ((found.mean - z.mean(0)).abs() <= 5e-3 * s).all(), site
        assert (found.variance.sqrt() / s - 1).abs().max() <= 5e-3, site


@pytest.mark.parametrize("granularity", ["layer", "channel"])
def test_thresholds_are_the_gaussian_rule_s_for_these_moments_whatever_the_data(granularity, model):
    graph = iso.fold_batch_norm(iso.capture(model, images()))
    rule = BatchNormRule(granularity, 7)
    found, again = (collect_scales(graph, rule, Batches([images(seed)])) for seed in (1, 2))
    codes = torch.arange(1, 8, dtype=torch.float64)
    for site, z in zip(graph.sites, sampled(model), strict=True):
        assert torch.equal(found[site], again[site])
        values = z if granularity == "channel" else z.reshape(-1, 1)
        expected = 1.35 * 7 * best_unit(values.mean(0), values.std(0, correction=0), codes, phase=0.5)
        assert found[site].flatten().tolist() == pytest.approx(expected.tolist(), rel=2e-2)  # moments within 5e-3


def test_a_method_takes_it_by_its_name(model):
    snn = iso.convert(model, iso.methods.BitCoded(scale="batch-norm", bits=4, calibrate_bias=False), data=[images()])
    other = iso.convert(model, iso.methods.BitCoded(scale="batch-norm", bits=4, calibrate_bias=False), data=[images(1)])
    assert all(torch.equal(snn.neuron(site).unit, other.neuron(site).unit) for site in snn.sites)


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([nn.Conv2d(3, 4, 3), nn.ReLU()], r"'0' \(conv2d\) has no batch normalisation behind it"),
        ([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()], r"\(max_pool2d\)"),
        ([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ZeroPad2d(1), nn.ReLU()], "places of a channel .* differ"),
        ([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LeakyReLU(), nn.ReLU()], "known for rectifiers alone"),
    ],
    ids=["none", "max pool", "borders", "leaky"],
)
def test_what_is_not_known_is_told_in_one_line(layers, named):
    graph = iso.fold_batch_norm(iso.capture(nn.Sequential(*layers).double().eval(), images()))
    with pytest.raises(CalibrationError, match=named) as caught:
        collect_scales(graph, BatchNormRule("channel", 7), Batches([images()]))
    assert "--scale gaussian" in str(caught.value)
    assert "\n" not in str(caught.value)
