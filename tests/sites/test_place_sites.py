"""Where signed sites stand, and that they change nothing in the ANN."""

from __future__ import annotations

import pytest
import torch
from site_cases import CASES, captured, inputs, networks
from torch import nn

import isospike as iso
from isospike.errors import ConversionError, OptionError
from isospike.graphs.graph import op_of
from isospike.ops import Role
from isospike.ops.signed_site import SignedSite
from isospike.sites import choose_sites, place_sites
from isospike.sites.driven import Carrier, carriers, is_product, is_weighted, operands

ROUNDING = 1e-12
"""Some hundred roundings of float64: norms folded into layers and divided softmaxes are summed in another order."""


def test_the_network_computes_what_it_did(case):
    graph, x = captured(case), inputs(networks()[case][1], 7)
    placed = place_sites(graph)
    for batch in (x, x[:1], x.flip(0)):
        expected = graph(batch)
        assert (placed(batch) - expected).abs().max() <= ROUNDING * expected.abs().max()
    assert graph.sites == captured(case).sites  # the argument is as it was


def test_spikes_drive_every_weight_behind_the_first_layer_and_every_product(case):
    placed = place_sites(captured(case))
    known, seen = carriers(placed), 0
    for node in placed.op_nodes():
        if not (is_weighted(node) or is_product(node)):
            continue
        read = {known[source] for source in operands(node, known)}
        assert read == {Carrier.INPUT} or Carrier.CURRENT not in read, op_of(node).name
        assert op_of(node).role is (Role.PRODUCT if is_product(node) else Role.LINEAR)
        seen += 1
    assert seen
    choice = choose_sites(captured(case), "products")
    assert choice.driven["products"] == 1.0
    assert choice.graph.sites == placed.sites


def test_no_value_has_two_sites(case):
    placed = place_sites(captured(case))
    sources = [node.args[0] for node in placed.nodes_with(Role.ACTIVATION)]
    assert len(sources) == len(set(sources))


def test_a_site_stands_where_the_value_is_made():
    """Queries, keys and values come from one layer, and so from one site; a class token is cut off before its own."""
    names = place_sites(captured("norm first")).sites
    assert "first.qkv_site" in names
    assert not any("getitem" in name or "reshape" in name or "transpose" in name for name in names)
    last = names[-1]
    assert op_of(next(n for n in place_sites(captured("norm first")).op_nodes() if op_of(n).name == last)).shape == (
        16,
    )


def test_softmax_and_gates_are_sent_without_signs():
    kinds = {name: place_sites(captured(name)) for name in ("norm first", "excited")}
    for name, positive in (("norm first", "exp"), ("excited", "sigmoid")):
        sites = [n for n in kinds[name].nodes_with(Role.ACTIVATION) if op_of(n).name.endswith(f"{positive}_site")]
        assert sites
        assert all(isinstance(kinds[name].module_of(node), nn.ReLU) for node in sites)


def test_shifts_of_norms_are_folded_where_layers_alone_read_them():
    first, last = place_sites(captured("norm first")), place_sites(captured("norm last"))
    affine = [n for n in first.op_nodes() if op_of(n).kind == "layer_norm" and n.args[2] is not None]
    assert [op_of(node).name for node in affine] == []
    kept = [n for n in last.op_nodes() if op_of(n).kind == "layer_norm" and n.args[2] is not None]
    assert len(kept) == 4  # the residual stream reads them too


@pytest.mark.parametrize("name", CASES)
def test_auto_takes_products_where_rectifiers_leave_more_than_a_tenth(name):
    choice = choose_sites(captured(name))
    assert choice.driven["rectifiers"] < 0.9
    assert choice.sites == "products"
    left = choose_sites(captured(name), "rectifiers")
    assert left.graph.sites == captured(name).sites


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.second(self.first(x).relu()).relu().mean((2, 3)))


def test_auto_leaves_a_network_of_rectifiers_as_it_is():
    graph = iso.capture(Plain().double().eval(), inputs((3, 8, 8), 2))
    choice = choose_sites(graph)
    assert (choice.sites, choice.driven) == ("rectifiers", {"rectifiers": 1.0, "products": 1.0})
    assert place_sites(graph).sites == graph.sites


class NoWeights(nn.Module):
    def forward(self, x):
        return torch.sigmoid(x).mean(2) + x.mean(2)


def test_a_network_without_any_product_stays_itself():
    x = inputs((3, 8), 3)
    graph = iso.capture(NoWeights().eval(), x)
    placed = place_sites(graph)
    assert [op.name for op in placed.ops] == [op.name for op in graph.ops]
    assert torch.equal(placed(x), graph(x))
    with pytest.raises(ConversionError, match="nothing would spike"):
        iso.convert(graph, iso.methods.BitCoded(), data=[x], analogue="allow")


class Squared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x):
        x = self.first(x)
        return self.head(x * x)


def test_the_product_of_a_value_with_itself_is_an_island():
    x = inputs((4,), 5)
    snn = iso.convert(Squared().double().eval(), iso.methods.BitCoded(bits=8), data=[x], analogue="allow")
    assert snn.islands == ("mul",)
    assert snn.sites == ("mul_site",)


def test_another_word_is_refused():
    with pytest.raises(OptionError, match="sites must be"):
        iso.convert(captured("gated"), iso.methods.BitCoded(), data=[inputs((6, 8), 2)], sites="all")


def test_sites_of_both_signs_are_signed(case):
    placed = place_sites(captured(case))
    for node in placed.nodes_with(Role.ACTIVATION):
        is_signed = isinstance(placed.module_of(node), SignedSite)
        assert (op_of(node).kind == "signed_site") is is_signed
