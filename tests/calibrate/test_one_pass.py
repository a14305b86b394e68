"""Many rules find in one pass what each finds alone."""

from __future__ import annotations

import pytest
import torch

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect, collect_scales, watch
from isospike.errors import CalibrationError, OptionError
from isospike.methods.thresholds import find_thresholds, requests
from isospike.scales import make_rule
from isospike.scales.rule import Together
from networks import NETWORKS
from short_methods import FEW, METHODS


class Counted:
    """Batches that know how often they were opened."""

    def __init__(self, *batches: torch.Tensor) -> None:
        self.batches, self.opened = batches, 0

    def __iter__(self):
        self.opened += 1
        return iter(self.batches)


PASSIVE = [
    make_rule(name, granularity=granularity, levels=levels, phase=0.5)
    for granularity in ("layer", "channel")
    for name, levels in (("maximum", 1), ("percentile", 1), ("mmse", 3), ("mmse", 15))
]


@pytest.mark.parametrize("name", [name for name in FEW if name in NETWORKS])
def test_together_is_as_alone(name, captured):
    graph = iso.fold_batch_norm(captured(name))
    data = Counted(NETWORKS[name].inputs(4), NETWORKS[name].inputs(3, seed=2))
    found = collect([watch(graph, rule) for rule in PASSIVE], Batches(data))
    assert data.opened == 1
    for rule, scales in zip(PASSIVE, found, strict=True):
        alone = collect_scales(graph, rule, Batches(data))
        assert list(scales) == list(alone) == list(graph.sites)
        assert all(torch.equal(scales[site], alone[site]) for site in alone)


def test_what_counts_alike_is_counted_once(captured):
    graph = captured("module_relu")
    observers = [watch(graph, rule).observers[graph.sites[0]] for rule in PASSIVE]
    shared = Together(observers[0].op, observers[0].activation, observers)
    assert len(shared.counting) == 4  # a maximum and a histogram for each granularity


def test_rules_that_change_what_layers_see_have_a_pass_of_their_own(captured):
    graph = captured("reused_relu")
    rules = [make_rule(name, granularity="layer") for name in ("spike-norm", "maximum", "spike-norm", "percentile")]
    data = Counted(NETWORKS["reused_relu"].inputs(4))
    found = collect([watch(graph, rule) for rule in rules], Batches(data))
    assert data.opened == 3
    for rule, scales in zip(rules, found, strict=True):
        alone = collect_scales(graph, rule, Batches(data))
        assert all(torch.equal(scales[site], alone[site]) for site in alone)


def test_all_methods_at_all_steps_from_one_pass(captured):
    """Networks made from shared thresholds are those of conversions by themselves."""
    graph = iso.fold_batch_norm(captured("max_pools"))
    watching = {
        name: method
        for name, method in METHODS.items()
        if not {"spike-norm", "local-threshold-balancing", "rmp"} & {name}
    }
    data = Counted(NETWORKS["max_pools"].inputs(8))
    wanted = [request for method in watching.values() for request in requests(graph, method)]
    thresholds = find_thresholds(graph, wanted, Batches(data))
    assert data.opened == 1
    for method in watching.values():
        for steps in method.horizons:
            parts = method.parts_for(steps)
            alone = collect_scales(parts.prepare(graph), parts.scale, Batches(data))
            found = thresholds.of(parts)
            assert list(found) == list(alone)
            assert all(torch.equal(found[site], alone[site]) for site in alone)


def test_sites_have_bits_of_their_own(captured):
    graph = captured("reused_relu")
    sites, data = graph.sites, [NETWORKS["reused_relu"].inputs(8)]
    bits = tuple(2 + index % 3 for index in range(len(sites)))
    mixed = iso.convert(graph, iso.methods.BitCoded(bits=bits, calibrate_bias=False), data=data)
    assert mixed.steps == max(bits)
    assert mixed.provenance.options["bits"] == list(bits)
    for site, own in zip(sites, bits, strict=True):
        uniform = iso.convert(graph, iso.methods.BitCoded(bits=own, calibrate_bias=False), data=data)
        expected, found = (snn.graph.get_submodule(site) for snn in (uniform, mixed))
        assert (found.levels, found.steps) == (2**own - 1, own)
        assert torch.equal(found.unit, expected.unit)
    assert iso.verify(graph, mixed, data).exact


def test_bits_of_sites_from_one_pass(captured):
    graph = iso.fold_batch_norm(captured("reused_relu"))
    data = Counted(NETWORKS["reused_relu"].inputs(8))
    wanted = [request for bits in (2, 3, 4) for request in requests(graph, iso.methods.BitCoded(bits=bits))]
    batches = Batches(data)
    known = find_thresholds(graph, wanted, batches)
    mixed = iso.methods.BitCoded(bits=tuple(2 + index % 3 for index in range(len(graph.sites))))
    found = find_thresholds(graph, requests(graph, mixed), batches, known=known)
    assert list(found.of(mixed.parts())) == list(graph.sites)
    assert data.opened == 1


@pytest.mark.parametrize("bits", [(4,), (4, 4, 4, 4, 4, 4, 4, 4)])
def test_as_many_bits_as_sites(bits, captured):
    with pytest.raises(OptionError, match=r"numbers of levels or bits for a network of \d+ sites; give one for all"):
        iso.convert(captured("reused_relu"), iso.methods.BitCoded(bits=bits), data=[NETWORKS["reused_relu"].inputs(2)])


@pytest.mark.parametrize("bits", [(), (4, 0), (17, 4), (4, 2.0)])
def test_bits_out_of_range(bits):
    with pytest.raises(OptionError, match="bit-coded: bits must be a whole number"):
        iso.methods.BitCoded(bits=bits)


def test_a_rule_that_cannot_serve_a_site_says_so_before_the_pass(captured):
    graph = iso.fold_batch_norm(captured("module_relu"))
    with pytest.raises(CalibrationError, match="no learned bound"):
        requests(graph, iso.methods.BitCoded(scale="learned"))


def test_images_are_counted():
    batches = Batches([torch.zeros(3, 2), torch.zeros(2, 2)])
    assert [len(inputs) for inputs in batches] == [3, 2]
    assert [len(inputs) for inputs in batches.take(3)] == [3, 2, 3]
    assert batches.images_seen == 5
