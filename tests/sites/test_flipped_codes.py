"""Codes behind islands that a rounding decides: the certificate counts them, follows them, and allows no others."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from site_cases import converted

import isospike as iso
from isospike.graphs.graph import argument, op_of
from isospike.graphs.islands import sites_behind_islands
from isospike.graphs.verify import RELATIVE_TOLERANCE
from isospike.measure.quantised import rounding_decides
from isospike.neurons import BitCodedNeuron
from isospike.ops.signed_site import SignedSite

CASES = {"norm first": "second.qkv", "norm last": "second.qkv", "convnext": "up"}
"""Networks, each with a layer behind islands, whose value goes into a site."""
SITES = {"norm first": "second.qkv_site", "norm last": "second.qkv_site", "convnext": "gelu_site"}
IN_FRONT = "first.qkv_site"
"""A site of the network "norm last" in front of every island."""
TOLERANCE = RELATIVE_TOLERANCE[torch.float64]
CODES = iso.Record(codes=True)


@torch.no_grad()
def total(snn, site: str, x: torch.Tensor) -> torch.Tensor:
    """What a site quantises."""
    graph = snn.graph.view()
    (node,) = (node for node in graph.op_nodes() if op_of(node).name == site)
    graph.output_node.args = (argument(node),)
    return graph.view()(x)


@torch.no_grad()
def on_thresholds(snn, site: str, x: torch.Tensor):
    """The network with initial potentials that put one current of every channel of a site on a threshold."""
    near = copy.deepcopy(snn)
    neuron, z = near.neuron(site), total(snn, site, x)
    assert neuron.unit.shape == z.shape[-1:]
    chosen = z[3, 0].view(-1, len(neuron.unit))[0]
    neuron.v_init = (torch.floor(chosen / neuron.unit + 0.5) + 1) * neuron.unit - chosen
    return near


@functools.cache
def flipped(case: str):
    snn, x, model = converted(case, "bit-coded")
    near = on_thresholds(snn, SITES[case], x)
    return near, x, model, iso.verify(model, near, [x], progress=False)


@pytest.mark.parametrize("case", CASES)
def test_a_rounding_may_flip_codes_behind_islands(case):
    _, _, _, found = flipped(case)
    assert found.equal
    assert not found.exact
    assert found.first_difference == ""
    assert found.flip_tolerance == TOLERANCE
    assert found.flipped_codes == sum(site.flipped_codes or 0 for site in found.sites) > 0
    assert {site.site for site in found.sites if site.flipped_codes} == {SITES[case]}
    assert all(site.wrong_codes == site.wrong_spikes == 0 for site in found.sites)
    said = f"{found.flipped_codes} of {found.codes_behind_islands} codes behind islands"
    assert found.remarks()[-1] == f"equal: yes, but for {said}, which a rounding moves by one level"
    assert f"the {found.codes_behind_islands} codes at" in found.compared
    assert "within 1e-10 of the site's largest" in found.compared
    assert "flipped codes" in str(found.table())
    assert found.to_dict()["flipped_codes"] == found.flipped_codes


@pytest.mark.parametrize("case", ["norm first", "norm last"])  # a last site takes the difference out of "convnext"
def test_flips_are_those_between_the_executors(case):
    """The ANN and the collapsed run sum alike; the stepped run has the other codes, all by one level."""
    snn, x, _, found = flipped(case)
    fast, slow = (iso.simulate(snn, x, executor=name, record=CODES) for name in ("collapsed", "stepped"))
    apart = fast.codes[SITES[case]] - slow.codes[SITES[case]]
    assert int(apart.abs().max()) == 1
    assert found.flipped_codes >= int((apart != 0).sum()) > 0
    # a level upstream is no rounding: without following the codes nothing behind them would be equal
    assert (fast.output - slow.output).abs().max() > 1e3 * found.tolerance
    assert found.output_error <= found.tolerance


def test_in_front_of_islands_the_first_difference_is_an_error():
    snn, x, model = converted("norm last", "bit-coded")
    found = iso.verify(model, on_thresholds(snn, IN_FRONT, x), [x], progress=False)
    assert not found.equal
    wrong = {site.site: site for site in found.sites}[IN_FRONT]
    assert wrong.wrong_codes > 0
    assert wrong.flipped_codes is None
    assert found.first_difference.startswith(f"site '{IN_FRONT}': image 3, neuron [0, ")


def test_without_islands_nothing_is_said_of_them():
    snn, x, model = converted("bottleneck", "bit-coded")
    assert snn.islands == ()
    found = iso.verify(model, snn, [x], progress=False)
    assert found.flipped_codes == found.codes_behind_islands == 0
    assert found.flip_tolerance is None
    assert all(one.flipped_codes is None for one in found.sites)
    assert "behind islands" not in found.compared
    assert "flipped codes" not in str(found.table())


@pytest.mark.parametrize("case", CASES)
def test_sites_say_on_which_side_of_islands_they_are(case):
    snn, x, model = converted(case, "bit-coded")
    found = iso.verify(model, snn, [x], progress=False)
    behind = sites_behind_islands(snn.graph)
    assert found.exact
    assert {site.site for site in found.sites if site.flipped_codes is not None} == behind
    assert found.codes_behind_islands == sum(site.codes for site in found.sites if site.site in behind)
    assert found.flipped_codes == 0


@pytest.mark.parametrize("case", CASES)
def test_more_than_rounding_is_an_error_behind_islands_too(case):
    """A layer that is off by a thousandth of itself moves codes that no rounding decides."""
    snn, x, model = converted(case, "bit-coded")
    wrong = copy.deepcopy(snn)
    with torch.no_grad():
        wrong.graph.get_submodule(CASES[case]).weight *= 1.001
    found = iso.verify(model, wrong, [x], progress=False)
    assert not found.equal
    assert found.first_difference.startswith(f"site '{SITES[case]}': image ")


@pytest.mark.parametrize(("distance", "levels", "decides"), [(0.5, 1, True), (2, 1, False), (0.5, 2, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_rule(distance, levels, decides, sign):
    neuron = BitCodedNeuron(torch.tensor([0.5, 0.25], dtype=torch.float64), 7, activation=SignedSite())
    z = torch.zeros(2, 2, dtype=torch.float64)
    z[0, 1] = 3  # the largest current of the sample
    z[0, 0] = 2 * 0.5 - neuron.v_init[0] + sign * distance * 3e-10  # the threshold of code 2
    z[1] = torch.tensor([torch.inf, 1.0])  # another sample's largest allows nothing here
    own = neuron.codes(z).long()
    other = own.clone()
    other[0, 0] = own[0, 0] - levels if sign > 0 else own[0, 0] + levels
    found = rounding_decides(neuron, z, (own, other), relative=1e-10)
    assert found.tolist() == [[decides, False], [False, False]]
