"""A factor behind a residual addition moves into the branches and the function stays."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from blocks import Forward, Network, conv
from isospike.activations import QReLU
from isospike.graphs.export import export_program
from isospike.graphs.graph import op_of
from isospike.graphs.raise_graph import raise_program
from isospike.graphs.verify import verify_capture
from isospike.measure.deviation import with_sites
from isospike.ops.affine import ChannelAffine


def network(forward: Forward, seed: int = 0, shape: tuple[int, ...] = (4, 1, 1)) -> nn.Module:
    torch.manual_seed(seed)
    layers = {
        **{"stem": conv(3, 4), "conv": conv(4, 4, bias=False), "bn": nn.BatchNorm2d(4), "down": conv(4, 4, 1)},
        **{"up": nn.ConvTranspose2d(4, 4, 3, padding=1, groups=2), "head": nn.Linear(256, 5)},
        **{"linear": nn.Linear(256, 5), "gains": nn.Parameter(torch.randn(5))},
        "weight": nn.Parameter(torch.randn(shape)),
    }
    model = Network(forward, layers)
    model.bn.running_mean.normal_()
    model.bn.running_var.uniform_(0.5, 2)
    return model.double().eval()


def images(seed: int = 1) -> Tensor:
    return torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _identity(n, x):
    a = n.stem(x).relu()
    return n.head((n.weight * (n.bn(n.conv(a)) + a)).relu().flatten(1))


def _two_layers(n, x):
    a = n.stem(x).relu()
    return n.head(((n.down(a) - n.up(a)) * n.weight).relu().flatten(1))


def _scalar(n, x):
    a = n.stem(x).relu()
    return n.head((0.5 * torch.add(a, n.up(a), alpha=3)).relu().flatten(1))


def _features(n, x):
    a = n.stem(x).relu().flatten(1)
    return (n.gains * (n.head(a) + n.linear(a))).relu()


def _twice(n, x):
    y = n.conv(n.stem(x).relu())
    return n.head((n.weight * (y + y)).relu().flatten(1))


def _chain(n, x):
    a = n.stem(x).relu()
    b = (n.weight * (n.bn(n.conv(a)) + a)).relu()
    return n.head((n.weight * (b + n.down(b))).relu().flatten(1))


FOLDED = {"identity": 1, "two_layers": 0, "scalar": 1, "features": 0, "twice": 0, "chain": 2}
"""Networks, and how many of their shortcuts get a weight."""
FORWARD: dict[str, Forward] = {
    **{"identity": _identity, "two_layers": _two_layers, "scalar": _scalar, "features": _features},
    **{"twice": _twice, "chain": _chain},
}


def affine_maps(graph: iso.Graph) -> list[str]:
    nodes = [node for node in graph.op_nodes() if node.op == "call_module"]
    return [op_of(node).name for node in nodes if isinstance(graph.module_of(node), ChannelAffine)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FOLDED)
def test_function_and_argument_stay_and_no_product_is_left(name, seed):
    model, x = network(FORWARD[name], seed), images(seed)
    graph = iso.capture(model, x)
    before = copy.deepcopy(graph.state_dict())
    folded = iso.fold_batch_norm(graph)
    assert [op.kind for op in graph.ops].count("mul") == max(1, FOLDED[name])
    assert "mul" not in [op.kind for op in folded.ops]
    shortcuts = affine_maps(folded)
    assert len(shortcuts) == FOLDED[name]
    assert all(shortcut.endswith("_shortcut") for shortcut in shortcuts)
    verify_capture(model, folded, x)
    with torch.no_grad():
        # float64: one product more or less in sums of 40, over three layers
        torch.testing.assert_close(folded(x), model(x), rtol=1e-12, atol=1e-12)
    assert all(torch.equal(before[key], value) for key, value in graph.state_dict().items())
    assert not {"weight", "gains"} & set(folded.state_dict())


def _other_users(n, x):
    y = n.conv(n.stem(x).relu())
    return n.head((n.weight * (n.down(y) + y)).relu().flatten(1))


def _no_layer(n, x):
    a, b = n.stem(x).relu(), n.conv(n.stem(x)).relu()
    return n.head((n.weight * (a + b)).flatten(1))


def _sum_has_other_users(n, x):
    a = n.stem(x).relu()
    y = n.down(a) + a
    return n.head((n.weight * y + y).relu().flatten(1))


def _depends_on_the_input(n, x):
    a = n.stem(x).relu()
    return n.head((a * (n.down(a) + a)).flatten(1))


@pytest.mark.parametrize("forward", [_other_users, _no_layer, _sum_has_other_users, _depends_on_the_input])
def test_nothing_is_folded_that_another_op_reads_or_that_no_layer_takes(forward):
    model, x = network(forward), images()
    folded = iso.fold_batch_norm(iso.capture(model, x))
    assert "mul" in [op.kind for op in folded.ops]
    assert not affine_maps(folded)
    with torch.no_grad():
        assert torch.equal(folded(x), iso.capture(model, x)(x))


@pytest.mark.parametrize("shape", [(8, 8), (4, 8, 1), (4, 8, 8)])
def test_factors_of_single_positions_stay(shape):
    folded = iso.fold_batch_norm(iso.capture(network(_identity, shape=shape), images()))
    assert "mul" in [op.kind for op in folded.ops]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1), (4, 1, 1), (1, 4, 1, 1)])
def test_factors_of_layers_and_channels_go(shape):
    model, x = network(_identity, shape=shape), images()
    folded = iso.fold_batch_norm(iso.capture(model, x))
    assert "mul" not in [op.kind for op in folded.ops]
    with torch.no_grad():
        torch.testing.assert_close(folded(x), model(x), rtol=1e-12, atol=1e-12)  # as above


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int64])
def test_factors_of_other_number_formats(dtype):
    model = network(_identity)
    del model.weight
    model.register_buffer("weight", torch.arange(1, 5).view(4, 1, 1).to(dtype))
    x = images()
    folded = iso.fold_batch_norm(iso.capture(model, x))
    assert "mul" not in [op.kind for op in folded.ops]
    with torch.no_grad():
        torch.testing.assert_close(folded(x), model(x), rtol=1e-12, atol=1e-12)  # as above


def test_a_factor_that_widens_the_numbers_stays():
    """The sum is in float64 behind it, which folding would change."""
    model = network(lambda n, x: (n.weight * (n.down(n.stem(x)) + n.stem(x))).relu()).float()
    model.weight = nn.Parameter(torch.ones(4, 1, 1).double())
    graph = raise_program(export_program(model, images().float()))
    assert "mul" in [op.kind for op in iso.fold_batch_norm(graph).ops]


def qrelu_network(levels: int) -> nn.Module:
    """A residual network with weighted additions and trained bounds that are not near anything round."""

    def forward(n, x):
        a = n.first(n.stem(x))
        b = n.second(n.weight * (n.bn(n.conv(a)) + a))
        return n.head(n.third(n.weight * (n.down(b) + b)).flatten(1))

    model = network(forward)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([0.7, 1.3, 1.0, -0.4]).view(4, 1, 1))
    for name, bound in (("first", 1.237), ("second", 1.871), ("third", 2.113)):
        setattr(model, name, QReLU(levels=levels).module(bound))
    return model.double().eval()


@pytest.mark.parametrize(("largest", "steps"), [(1, 16), (2, 8)])
def test_a_weighted_residual_qrelu_network_converts_with_its_representation_power(largest, steps, tmp_path):
    """P = S_max T = 16 levels, 17 values, for one spike in 16 steps and for up to two in 8 alike."""
    model, x = qrelu_network(largest * steps), images()
    method = iso.methods.Buffered(largest=largest, scale="learned")
    snn = iso.convert(model, method, data=[x])
    assert "mul" not in [op.kind for op in snn.graph.ops]
    probed = snn.with_graph(with_sites(snn.graph))
    _, means = iso.simulate(probed, x, steps=steps).output
    with torch.no_grad():
        trained = model.first(model.stem(x))
    # whole numbers of thresholds, added up in 16 steps and divided once
    torch.testing.assert_close(means[0], trained, rtol=1e-14, atol=1e-14)
    for activation, mean in zip((model.first, model.second, model.third), means, strict=True):
        codes = mean * 16 / activation.bound
        # 16 roundings of numbers up to 16
        assert (codes - codes.round()).abs().max() < 1e-12
        assert codes.min() >= 0
        assert codes.max() < 16 + 1e-12
    assert (means[0] * 16 / model.first.bound).round().unique().numel() == 17
    snn.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(x, steps=steps), snn(x, steps=steps))
    found = iso.verify(model, snn, [x], steps=steps)
    assert found.sites[0].error < 1e-12
    assert all(site.error < 0.3 for site in found.sites)
