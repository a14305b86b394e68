"""`iso.quantise` on every tiny network: a trainable copy that keeps what it must."""

from __future__ import annotations

import copy

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import nn

import isospike as iso
from blocks import leaves
from isospike.activations import QCFS, Clip, QReLU, SlipReLU, TrainableActivation
from isospike.errors import CalibrationError, CaptureError, ConversionError
from isospike.graphs import Role
from isospike.models.quantised import load_quantised, save_quantised
from isospike.sites import two_sided_sites
from networks import ALL

networks = pytest.mark.parametrize("name", list(ALL))


def quantised(captured, name: str, activation=None, **options) -> iso.Graph:
    return iso.quantise(captured(name), activation or QCFS(levels=4), data=[ALL[name].inputs(8, seed=10)], **options)


@networks
def test_every_site_is_trainable_and_everything_gets_a_gradient(name, captured):
    graph = captured(name)
    before = copy.deepcopy(graph.state_dict())
    network = quantised(captured, name)
    assert network.sites == graph.sites
    kept = two_sided_sites(graph)
    assert all(
        isinstance(network.get_submodule(site), TrainableActivation) is (site not in kept) for site in graph.sites
    )
    assert not network.training
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
    sum(leaf.square().mean() for leaf in leaves(network(ALL[name].inputs(8)))).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    optimiser.step()
    assert all(torch.equal(before[key], value) for key, value in graph.state_dict().items())
    assert not any(isinstance(graph.get_submodule(site), TrainableActivation) for site in graph.sites)


SOME = ["reused_relu", "ceilings", "transposed", "one_dimensional", "split", "batch_norms", "max_pools", "attention"]


@pytest.mark.parametrize("name", SOME)
def test_a_second_capture_has_the_same_sites_bounds_and_levels(name, captured):
    network = quantised(captured, name, SlipReLU(levels=5, mixture=0.0, granularity="channel"))
    again = iso.capture(network, ALL[name].inputs(2))
    assert again.sites == network.sites
    for site in again.sites:
        first, second = network.get_submodule(site), again.get_submodule(site)
        assert second.levels == 5
        assert second.activation.granularity == "channel"
        assert torch.equal(first.log_bound, second.log_bound)
        assert torch.equal(first.bound, second.bound)
    x = ALL[name].inputs(3)
    for a, b in zip(leaves(network(x)), leaves(again(x)), strict=True):
        assert torch.equal(a, b)
    again.train()
    sum(leaf.sum() for leaf in leaves(again(x))).backward()
    assert all(again.get_submodule(site).log_bound.grad is not None for site in again.sites)


@networks
def test_many_levels_are_the_network_itself(name, captured):
    """The best bound of a plain clip is the largest value seen, so nothing is clipped on the calibration data."""
    graph, x = captured(name), ALL[name].inputs(8, seed=10)
    network = quantised(captured, name, Clip())
    for a, b in zip(leaves(network(x)), leaves(graph(x)), strict=True):
        # exp(log(bound)) clips the one largest value of a site by a rounding error
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_statistics_of_batch_normalisation_follow_the_mode(captured):
    network, x = quantised(captured, "batch_norms"), ALL["batch_norms"].inputs(8)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert len(norms) == 4
    before = [norm.running_mean.clone() for norm in norms]
    network(x)
    assert all(torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, before, strict=True))
    network.train()(x)
    assert not any(torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, before, strict=True))


def test_ceilings_limit_the_first_bounds(captured):
    data, free = quantised(captured, "ceilings", Clip()), iso.quantise(captured("ceilings"), QCFS())
    for site, ceiling in (("six", 6), ("two", 0.5), ("clamp", 0.25)):
        limit = torch.tensor(ceiling, dtype=torch.float64).log().exp()
        assert data.get_submodule(site).bound <= limit
        assert free.get_submodule(site).bound == limit


def test_a_trained_bound_of_another_granularity_is_not_thrown_away(captured):
    trained = iso.quantise(captured("one_dimensional"), QReLU(bound=3.0))
    with pytest.raises(ConversionError, match="trained bound per layer; give data= to find one per channel"):
        iso.quantise(trained, QReLU(granularity="channel"))


@pytest.mark.parametrize("granularity", ["layer", "channel"])
def test_without_data_the_configured_bound_stands_at_every_site(granularity, captured):
    network = iso.quantise(captured("one_dimensional"), QReLU(bound=3.0, granularity=granularity))
    for site in network.sites:
        bound = network.get_submodule(site).bound
        assert bound.shape == (() if granularity == "layer" else (4, 1))
        # exp(log(3)) is rounded
        torch.testing.assert_close(bound, torch.full_like(bound, 3.0), rtol=1e-14, atol=0)


@pytest.mark.parametrize("activation", [QCFS(levels=3), QReLU(levels=6), SlipReLU(levels=4)], ids=str)
def test_the_first_bound_has_the_least_error(activation):
    """Beside trying every candidate on the values themselves."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 50), nn.ReLU(), nn.Linear(50, 2)).double().eval()
    x = torch.randn(400, 4, dtype=torch.float64)
    values = model[1](model[0](x)).detach()
    bound = iso.quantise(model, activation, data=[x[:100], x[100:]]).get_submodule("1").bound

    def error(candidate: torch.Tensor) -> float:
        return (activation(values, candidate.log()) - values).square().sum().item()

    least = min(error(values.max() * step / 100) for step in range(1, 101))
    # the values are put into 1024 bins first
    assert error(bound) <= 1.01 * least


def test_silent_channels_and_silent_layers_get_a_bound():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU()).eval()
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.copy_(torch.tensor([1.0, 2.0, -1.0]))
        model[2].weight.zero_()
        model[2].bias.fill_(-1.0)
    network = iso.quantise(model, Clip(granularity="channel", bound=5.0), data=[torch.randn(4, 2)])
    # exp(log(b)) is rounded
    torch.testing.assert_close(network.get_submodule("1").bound, torch.tensor([1.0, 2.0, 2.0]), rtol=1e-6, atol=0)
    torch.testing.assert_close(network.get_submodule("3").bound, torch.full((3,), 5.0), rtol=1e-6, atol=0)


def test_max_pools_become_average_pools(captured):
    network = quantised(captured, "max_pools", average_pools=True)
    assert not network.nodes_with(Role.MAX_POOL)
    assert [op.kind for op in network.ops if "pool" in op.kind] == ["avg_pool2d", "avg_pool2d", "adaptive_avg_pool2d"]
    before = {op.name: op.shape for op in captured("max_pools").ops}
    assert {op.name: op.shape for op in network.ops} == before
    again = iso.capture(network, ALL["max_pools"].inputs(2))
    assert not again.nodes_with(Role.MAX_POOL)
    constant = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1)).eval()
    averaged = iso.quantise(constant, Clip(), data=[torch.ones(1, 1, 8, 8)], average_pools=True)
    # the mean of a constant is that constant when padding is left out; up to rounding
    torch.testing.assert_close(averaged(torch.ones(1, 1, 8, 8)), constant(torch.ones(1, 1, 8, 8)), rtol=1e-6, atol=1e-6)


def test_dilated_max_pools_are_refused():
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.MaxPool2d(2, 1, dilation=2)).eval()
    with pytest.raises(ConversionError, match="max pool '2' is dilated"):
        iso.quantise(model, QCFS(), data=[torch.randn(1, 1, 8, 8)], average_pools=True)


def test_other_levels_keep_the_trained_bounds(captured):
    network = quantised(captured, "module_relu", QCFS(levels=8))
    with torch.no_grad():
        for site in network.sites:
            network.get_submodule(site).log_bound.add_(0.3)
    levels = {site: QCFS(levels=number) for number, site in enumerate(network.sites, 1)}
    for data in (None, [ALL["module_relu"].inputs(4)]):
        other = iso.quantise(network, levels, data=data)
        for number, site in enumerate(network.sites, 1):
            assert torch.equal(other.get_submodule(site).log_bound, network.get_submodule(site).log_bound)
            assert other.get_submodule(site).levels == number


def test_dropout_is_not_kept(captured):
    assert not [module for module in quantised(captured, "method_relu").modules() if isinstance(module, nn.Dropout)]


@pytest.mark.parametrize("name", ["reused_relu", "scaled"])
def test_weights_survive_a_file(name, captured, tmp_path):
    trained, fresh = quantised(captured, name), iso.quantise(captured(name), QCFS(levels=4))
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.mul_(1.01)
    save_model(trained, tmp_path / "a.safetensors")
    load_model(fresh, tmp_path / "a.safetensors")
    x = ALL[name].inputs(2)
    assert torch.equal(trained(x), fresh(x))


@pytest.mark.parametrize("method", [iso.methods.Maximum(), iso.methods.LocalThresholdBalancing(iterations=5)], ids=str)
def test_a_quantised_network_converts(method, captured):
    network = quantised(captured, "batch_norms")
    snn = iso.convert(network, method, data=[ALL["batch_norms"].inputs(8)])
    assert snn.sites == network.sites


@pytest.mark.parametrize("mixes", [False, True])
def test_a_code_that_flips_with_the_batch_size_is_no_dependence_between_samples(mixes):
    """Currents half-way between two codes: another order of summation decides which one it is."""
    torch.manual_seed(0)

    class Mixing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x - x.mean(0) if mixes else x

    layers = (nn.Linear(1000, 64), QCFS(levels=1).module(1.0), Mixing(), nn.Linear(64, 3))
    model, x = nn.Sequential(*layers).eval(), torch.randn(2, 1000)
    with torch.no_grad():
        model[0].bias.copy_(0.5 - x[0].double() @ model[0].weight.double().T)
        codes, alone = layers[1](layers[0](x))[:1], layers[1](layers[0](x[:1]))
    if torch.equal(codes, alone):
        pytest.skip("this machine sums both batch sizes in the same order")
    if mixes:
        with pytest.raises(CaptureError, match="depends on the other samples"):
            iso.capture(model, x)
    else:
        assert iso.capture(model, x).sites == ("1",)


def test_wrong_requests_are_refused(captured):
    graph, x = captured("module_relu"), ALL["module_relu"].inputs(2)
    with pytest.raises(CaptureError, match="give data="):
        iso.quantise(ALL["module_relu"].build(), QCFS())
    with pytest.raises(ConversionError, match="no ReLU"):
        iso.quantise(nn.Linear(3, 3).eval(), QCFS(), data=[torch.randn(2, 3)])
    with pytest.raises(ConversionError, match=r"missing .*unknown \['no'\]"):
        iso.quantise(graph, {"no": QCFS()})
    with pytest.raises(CalibrationError, match="hold no batch"):
        iso.quantise(graph, QCFS(), data=[])
    with pytest.raises(CalibrationError, match="samples of shape"):
        iso.quantise(graph, QCFS(), data=[x[:, :1]])


def test_papers_are_cited():
    assert "bu2022optimal" in iso.cite(QCFS())
    for kind in (QCFS, SlipReLU, Clip):
        assert iso.cite(kind()).count("@") == len(kind.papers) > 0


def smooth(function, *, rectified: bool = True) -> nn.Module:
    torch.manual_seed(0)
    last = nn.ReLU() if rectified else nn.Identity()
    return nn.Sequential(nn.Linear(8, 32), function, nn.Linear(32, 32), last, nn.Linear(32, 4)).eval()


OTHERS = {"gelu": nn.GELU(), "silu": nn.SiLU(), "leaky_relu": nn.LeakyReLU(0.1), "gelu of tanh": nn.GELU("tanh")}


@pytest.mark.parametrize("name", OTHERS)
def test_other_functions_are_replaced_by_name_alone(name, tmp_path):
    model, x = smooth(OTHERS[name]), torch.randn(64, 8)
    kept = iso.quantise(model, QCFS(levels=16), data=[x])
    assert [op.kind for op in kept.ops].count("qcfs") == 1
    replaced = iso.quantise(model, QCFS(levels=16), data=[x], replace=(name.split()[0],))
    assert [op.kind for op in replaced.ops] == ["linear", "qcfs", "linear", "qcfs", "linear"]
    bound = replaced.get_submodule("1").bound
    assert 0 < bound <= model[:2](x).max()  # found on what the function itself gives
    save_quantised(replaced, tmp_path / "net.safetensors")
    again, _ = load_quantised(model, tmp_path / "net.safetensors")
    assert torch.equal(again(x), replaced(x))
    snn = iso.convert(replaced, iso.methods.QCFS(), data=[x])
    assert snn.sites == ("1", "3")


def test_training_mends_what_the_replacement_breaks():
    """The step of the bit-coded paper for GELU: a network that is another one, until it is trained."""
    model, x = smooth(nn.GELU()), torch.randn(256, 8, generator=torch.Generator().manual_seed(2))
    target = model(x).detach()
    network = iso.quantise(model, QCFS(levels=15), data=[x], replace=("gelu",)).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    errors = []
    for _ in range(60):
        error = (network(x) - target).square().mean()
        errors.append(error.item())
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
    assert errors[-1] < errors[0] / 4
    snn = iso.convert(network.eval(), iso.methods.BitCoded(), data=[x])
    assert iso.verify(network, snn, [x]).exact
    assert (snn(x) - network(x)).abs().max() <= 1e-5 * target.abs().max()  # the same staircases, in float32


def test_what_cannot_be_replaced_is_named():
    x = torch.randn(16, 8)
    with pytest.raises(ConversionError, match=r"replace=\('gelu',\) puts it in the place of these"):
        iso.quantise(smooth(nn.GELU(), rectified=False), QCFS(), data=[x])
    with pytest.raises(ConversionError, match=r"replace=\['silu'\].*it has: gelu"):
        iso.quantise(smooth(nn.GELU()), QCFS(), data=[x], replace=("silu",))
