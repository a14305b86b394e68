"""Networks on the binary grid: nothing is rounded, so everything is equal, bit for bit."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import isospike as iso
from blocks import Network, conv, leaves
from isospike.errors import ConversionError, IsospikeWarning, SimulationError
from isospike.refine.grid.value import BUDGET
from networks import ISLANDS, NETWORKS
from short_methods import EMITTING

METHODS = {name: dataclasses.replace(method, exact=True) for name, method in EMITTING.items()}
CODES = iso.Record(codes=True)


def exact(name: str, method: str, converted) -> iso.SNN:
    snn: iso.SNN = converted(name, METHODS[method])
    assert snn.exact
    return snn


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NETWORKS)
def test_ann_stepped_and_collapsed_are_bit_equal(name, method, converted):
    snn, x = exact(name, method, converted), NETWORKS[name].inputs(3)
    with torch.no_grad():
        expected = leaves(snn.graph(x))
    runs = [iso.simulate(snn, x, executor=executor, record=CODES) for executor in ("collapsed", "stepped")]
    runs += [
        iso.simulate(snn, x, executor=executor, memory_budget=1, record=CODES) for executor in ("collapsed", "stepped")
    ]
    for run in runs:
        assert all(torch.equal(a, b) for a, b in zip(leaves(run.output), expected, strict=True))
        assert all(torch.equal(run.codes[site], runs[0].codes[site]) for site in snn.sites)
        assert all(torch.equal(run.spikes[site], runs[0].spikes[site]) for site in snn.sites)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_grid_changes_next_to_nothing(name, converted):
    """Weights keep ten digits or more: a code changes where a sum was that near to a half step."""
    snn, plain = exact(name, "bit-coded", converted), converted(name, EMITTING["bit-coded"])
    x = NETWORKS[name].inputs(8)
    codes = [iso.simulate(network, x, record=CODES).codes for network in (snn, plain)]
    wrong = sum(int((codes[0][site] != codes[1][site]).sum()) for site in snn.sites)
    total = sum(codes[0][site].numel() for site in snn.sites)
    # two products of at least ten digits: a sum moves by less than 2^-8 of a step, in which less than 1 % fall
    assert wrong <= 0.01 * total
    with torch.no_grad():
        for a, b in zip(leaves(snn.ann()(x)), leaves(plain.ann()(x)), strict=True):
            assert (a - b).abs().max() <= 2**-10 * max(1.0, b.abs().max().item())


@pytest.mark.parametrize("name", ["reused_relu", "in_place", "max_pools", "split"])
def test_sums_do_not_depend_on_their_order(name, converted):
    """Every convolution and linear layer with its input channels shuffled."""
    snn, generator = exact(name, "bit-coded", converted), torch.Generator().manual_seed(0)
    seen: list[nn.Module] = []

    def shuffled(layer, args, y) -> None:
        (x,), linear = args, isinstance(layer, nn.Linear)
        order = torch.randperm(x.shape[-1 if linear else 1], generator=generator)
        again = (
            F.linear(x[..., order], layer.weight[:, order], layer.bias)
            if linear
            else layer._conv_forward(x[:, order], layer.weight[:, order], layer.bias)
        )
        assert torch.equal(again, y)
        one_by_one = [
            F.linear(x[..., i : i + 1], layer.weight[:, i : i + 1])
            if linear
            else layer._conv_forward(x[:, i : i + 1], layer.weight[:, i : i + 1], None)
            for i in order.tolist()
        ]
        total = sum(one_by_one[1:], one_by_one[0])
        bias = torch.zeros(()) if layer.bias is None else layer.bias.view(-1, *(1,) * (y.dim() - 2))
        assert torch.equal(total + bias, y)
        seen.append(layer)

    handles = [
        module.register_forward_hook(shuffled)
        for module in snn.graph.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    with torch.no_grad():
        snn.graph(NETWORKS[name].inputs(2))
    for handle in handles:
        handle.remove()
    assert len(seen) == len(handles) > 1


def test_parameters_are_on_the_grid(converted):
    """Products and sums of what a layer gets stay below 2^53 steps of its grid."""
    for name in NETWORKS:
        snn = exact(name, "bit-coded", converted)
        for site in snn.sites:
            unit = snn.graph.get_submodule(site).unit
            assert torch.equal(snn.graph.get_submodule(site).amplitude, torch.ones_like(unit))
            scaled = unit * 2.0**BUDGET
            assert torch.equal(scaled, scaled.round()), site


def test_without_the_grid_the_order_shows(converted):
    """The law above is not empty: plain float64 differs in the last bits."""
    differing = 0
    for name in NETWORKS:
        snn, x = converted(name, EMITTING["pascal"]), NETWORKS[name].inputs(3)
        outputs = [leaves(iso.simulate(snn, x, executor=executor).output) for executor in ("collapsed", "stepped")]
        differing += any(not torch.equal(a, b) for a, b in zip(*outputs, strict=True))
    assert differing > len(NETWORKS) / 2


OPERANDS = {"aten::convolution": (0, 1), "aten::mm": (0, 1), "aten::addmm": (1, 2)}
"""Positions of the factors among the arguments."""


class RoundedOperands(TorchDispatchMode):
    """Matrix units that keep 11 significant bits of their operands, as TF32 does; sums keep all of theirs."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        operands = OPERANDS.get(func._schema.name, ())
        return func(*[_eleven_bits(x) if i in operands else x for i, x in enumerate(args)], **(kwargs or {}))


def _eleven_bits(x: torch.Tensor) -> torch.Tensor:
    if not x.is_floating_point():
        return x
    mantissa, exponent = torch.frexp(x)
    return torch.ldexp((mantissa * 2**11).round(), exponent - 11)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["reused_relu", "concat", "max_pools"])
def test_rounded_operands_part_only_networks_off_the_grid(name, method, converted):
    """Whole numbers keep all their bits; rounded amplitudes do not add up to that of their code."""
    flips = {}
    for form, snn in (("plain", converted(name, EMITTING[method])), ("exact", exact(name, method, converted))):
        with RoundedOperands():
            a, b = (
                iso.simulate(snn, NETWORKS[name].inputs(64), executor=executor, record=CODES).codes
                for executor in ("collapsed", "stepped")
            )
        flips[form] = sum(int((a[site] != b[site]).sum()) for site in snn.sites)
    assert flips["exact"] == 0
    assert flips["plain"] > 0


@pytest.mark.parametrize("name", [name for name in ISLANDS if name != "attention"])  # whose only site is behind them
def test_islands_end_the_grid(name, captured):
    """What no grid holds is refused only in front of a site that no island takes part in."""
    graph, x = captured(name), ISLANDS[name].inputs(4)
    snn = iso.convert(graph, METHODS["bit-coded"], data=[x], analogue="allow", sites="rectifiers")
    assert 0 < len(snn.exact_sites) < len(snn.sites)
    assert iso.inspect(graph, x, sites="rectifiers").exact_sites == snn.exact_sites
    found = iso.verify(graph, snn, [x, 0.9 * x])
    assert found.equal, found.first_difference
    assert 0 < found.codes_behind_islands < sum(site.codes for site in found.sites)


def test_too_few_digits_are_counted():
    """Seven layers in a row with 16-bit codes: the budget cannot be shared among so many products."""
    torch.manual_seed(0)
    layers = {"first": conv(3, 4), **{f"c{i}": conv(4, 4) for i in range(7)}, "head": nn.Linear(256, 2)}

    def forward(n, x):
        x = n.first(x).relu()
        for index in range(7):
            x = getattr(n, f"c{index}")(x)
        return n.head(x.relu().flatten(1))

    x = torch.randn(2, 3, 8, 8)
    model = Network(forward, layers).eval()
    with pytest.raises(ConversionError, match=r"site 'relu#2' lacks \d+ bits of float64's 53; use fewer levels"):
        iso.convert(model, iso.methods.BitCoded(bits=16, exact=True), data=[x], sites="rectifiers")


def test_silent_sites_cost_nothing():
    """A branch whose neurons never fired in calibration, without bias behind it, added to a live one."""
    torch.manual_seed(0)
    layers = {"stem": conv(3, 4), "dead": conv(4, 4), "behind": conv(4, 4, bias=False), "head": nn.Linear(256, 2)}
    layers["dead"].bias.data.fill_(-100)

    def forward(n, x):
        x = n.stem(x).relu()
        return n.head((x + n.behind(n.dead(x).relu())).relu().flatten(1))

    model, x = Network(forward, layers).double().eval(), torch.randn(4, 3, 8, 8, dtype=torch.float64)
    graph = iso.capture(model, x)
    with pytest.warns(IsospikeWarning, match="every threshold at relu#2 came out as zero"):
        snn = iso.convert(graph, iso.methods.BitCoded(exact=True), data=[x])
    assert snn.provenance.silent == {"relu#2": 4}
    assert iso.verify(graph, snn, [x, 0.9 * x]).output_error == 0


def test_a_layer_of_zeros_keeps_its_bias():
    torch.manual_seed(0)
    layers = {"stem": conv(3, 4), "zero": conv(4, 4), "head": nn.Linear(256, 2)}
    nn.init.zeros_(layers["zero"].weight)
    model = Network(lambda n, x: n.head(n.zero(n.stem(x).relu()).relu().flatten(1)), layers).double().eval()
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    snn = iso.convert(iso.capture(model, x), iso.methods.BitCoded(exact=True), data=[x])
    with torch.no_grad():
        # ten digits or more of every weight and bias
        assert (snn.ann()(x) - model(x)).abs().max() <= 2**-10 * model(x).abs().max()


def test_inputs_outside_the_range_are_refused(converted):
    snn, x = exact("module_relu", "pascal", converted), NETWORKS["module_relu"].inputs(2)
    for executor in ("collapsed", "stepped"):
        with pytest.raises(SimulationError, match="outside the range"):
            iso.simulate(snn, 100 * x, executor=executor)


def test_a_float32_network_becomes_a_float64_one(captured):
    graph = captured("concat").view()
    x = NETWORKS["concat"].inputs(4)
    snn = iso.convert(iso.fold_batch_norm(graph).float(), METHODS["pascal"], data=[x.float()])
    assert snn(x).dtype == torch.float64
    assert {tensor.dtype for tensor in snn.state_dict().values()} == {torch.float64}
    with pytest.raises(SimulationError, match=r"convert one with \.to\(\)"):
        snn(x.float())


@pytest.mark.parametrize("name", ["max_pools", "scaled", "arithmetic", "average_pools", "upsampled", "one_dimensional"])
def test_round_trip(name, converted, tmp_path):
    snn, x = exact(name, "bit-coded", converted), NETWORKS[name].inputs(3)
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert loaded.exact
    assert torch.equal(loaded(x), snn(x))
    with torch.no_grad():
        assert torch.equal(loaded.ann()(x), snn.ann()(x))
