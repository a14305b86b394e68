"""Networks with signed sites and products: what the first house promises holds for them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from site_cases import CASES, METHODS, converted, inputs
from torch import nn

import isospike as iso
from isospike.costs.costs import CURRENTS, INPUT
from isospike.graphs.graph import attribute, op_of
from isospike.ops import Role

ROUNDING = 1e-12
"""Of sums of whole multiples of units in float64, in another order."""
ALL = pytest.mark.parametrize("method", METHODS)


@ALL
def test_collapsed_stepped_and_quantised_ann_are_one(case, method):
    snn, x, model = converted(case, method)
    record = iso.Record(codes=True)
    fast, slow = (iso.simulate(snn, x, executor=name, record=record) for name in ("collapsed", "stepped"))
    assert fast.codes.keys() == set(snn.sites)
    for site in snn.sites:
        assert torch.equal(fast.codes[site], slow.codes[site])
        assert torch.equal(fast.spikes[site], slow.spikes[site])
    assert (fast.output - slow.output).abs().max() <= ROUNDING * fast.output.abs().max()
    certificate = iso.verify(model, snn, [x], progress=False)
    assert certificate.exact
    assert {site.site for site in certificate.sites} == set(snn.sites)


@ALL
def test_codes_are_in_the_range_of_their_site(case, method):
    snn, x, _ = converted(case, method)
    codes = iso.simulate(snn, x, record=iso.Record(codes=True)).codes
    for site in snn.sites:
        neuron = snn.neuron(site)
        assert neuron.lowest == (-neuron.levels if neuron.is_signed else 0)
        assert neuron.lowest <= int(codes[site].min())
        assert int(codes[site].max()) <= neuron.levels
    assert any(int(codes[site].min()) < 0 for site in snn.sites)


@pytest.mark.parametrize("name", CASES)
def test_samples_are_alone_whatever_the_batch(name):
    snn, x, _ = converted(name, "bit-coded")
    whole = snn(x)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    assert torch.allclose(snn(x[order]), whole[order], rtol=0, atol=ROUNDING * whole.abs().max().item())
    assert torch.allclose(snn(x[:1]), whole[:1], rtol=0, atol=ROUNDING * whole.abs().max().item())
    assert torch.allclose(snn(x[:7]), whole[:7], rtol=0, atol=ROUNDING * whole.abs().max().item())


@ALL
def test_a_file_keeps_everything(case, method, tmp_path):
    snn, x, _ = converted(case, method)
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert torch.equal(loaded(x), snn(x))
    assert loaded.provenance == snn.provenance
    assert loaded.sites == snn.sites
    ours, theirs = iso.account(snn, [x], progress=False), iso.account(loaded, [x], progress=False)
    assert ours[snn.steps].to_dict() == theirs[snn.steps].to_dict()


@pytest.mark.parametrize("name", CASES)
def test_the_error_falls_with_the_levels(name):
    _, x, model = converted(name, "bit-coded")
    exact = model(x)
    errors = []
    for bits in (3, 6, 9, 12):
        finer = iso.convert(model, iso.methods.BitCoded(bits=bits), data=[x], analogue="allow", sites="products")
        errors.append(float(((finer(x) - exact).norm() / exact.norm()).detach()))
    assert all(later < earlier for earlier, later in pairwise(errors))
    assert errors[-1] < 2.0**-7  # 12 bits of each value, through at most a dozen layers of gain about one


@pytest.mark.parametrize("name", CASES)
def test_nothing_but_the_first_layer_and_islands_is_billed_as_multiplications(name):
    """No op of the graph that spikes can drive has multiply-accumulates, whatever the images."""
    snn, x, _ = converted(name, "bit-coded")
    (costs,) = iso.account(snn, [x], progress=False).values()
    billed = {entry.op for entry in costs.entries if entry.macs and entry.site in (INPUT, CURRENTS)}
    first = {"embed", "stem"}
    assert billed <= first
    assert costs.total().synops > 0


class Scores(nn.Module):
    """One product of two spiking values and nothing behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.q, self.k = nn.Linear(5, 6), nn.Linear(6, 4), nn.Linear(6, 4)

    def forward(self, x):
        x = self.embed(x)
        return self.q(x) @ self.k(x).transpose(1, 2)


@ALL
def test_a_product_is_exact_and_costs_the_accumulates_of_the_sparser_side(method):
    """``A B = sum_t A_t B``; an event of one side accumulates a value of the other for every output that reads it."""
    torch.manual_seed(2)
    x = inputs((3, 5), 32)
    snn = iso.convert(Scores().double().eval(), METHODS[method], data=[x], analogue="allow")
    assert snn.islands == ()
    trains: dict[str, torch.Tensor] = {}
    run = iso.simulate(snn, x, executor="stepped", record=iso.Record(watch=trains.__setitem__, codes=True))
    a, b = trains["q_site"], trains["k_site"]
    pairs = sum(a[s] @ b[t].transpose(1, 2) for s in range(len(a)) for t in range(len(b)))
    one_sided = sum(a[t] @ b.sum(0).transpose(1, 2) for t in range(len(a)))
    scale = run.output.abs().max()
    assert (pairs - run.output).abs().max() <= ROUNDING * scale
    assert (one_sided - run.output).abs().max() <= ROUNDING * scale
    (costs,) = iso.account(snn, [x], progress=False).values()
    events = torch.stack([(trains[site] != 0).flatten(2).sum((0, 2)) for site in ("q_site", "k_site")])
    assert len(set(events.argmin(0).tolist())) == 2  # some images stream one side, some the other
    expected = int(3 * events.amin(0).sum())  # each event meets the three tokens of the other side
    found = sum(entry.synops for entry in costs.entries if entry.op == "matmul")
    assert found == expected
    assert sum(entry.macs for entry in costs.entries if entry.op == "matmul") == 0


@torch.no_grad()
def test_totals_behind_every_island_are_the_op_on_decoded_inputs(case):
    """A network whose answers are those of its islands: each equals the op in torch on what its inputs decode to."""
    snn, x, _ = converted(case, "bit-coded")
    graph = snn.graph.view()
    islands = [node for node in graph.op_nodes() if op_of(node).role is Role.ANALOGUE]
    read = [source for node in islands for source in node.all_input_nodes if source.op != "get_attr"]
    wanted = list(dict.fromkeys([*islands, *read]))
    graph.output_node.args = (wanted,)
    watched = snn.with_graph(graph.view())
    totals = dict(zip(wanted, iso.simulate(watched, x, executor="stepped").output, strict=True))
    for node in islands:

        def value(n):
            return totals[n] if n in totals else attribute(graph, str(n.target))

        args, kwargs = torch.fx.map_arg((node.args, node.kwargs), value)
        op = graph.module_of(node) if node.op == "call_module" else node.target
        expected = op(*args, **kwargs)
        assert (totals[node] - expected).abs().max() <= ROUNDING * max(1.0, float(expected.abs().max()))


def test_rivals_have_as_many_bits_as_both_signs_need():
    snn, _, _ = converted("norm first", "bit-coded")
    bits = iso.costs.reference_costs(snn).bits(snn.steps)
    assert {bits[site] for site in snn.sites if snn.neuron(site).is_signed} == {6}
    assert {bits[site] for site in snn.sites if not snn.neuron(site).is_signed} == {5}


def test_the_choice_stands_beside_the_network():
    snn, _, _ = converted("bottleneck", "bit-coded")
    assert snn.provenance.sites == "products"
    assert snn.provenance.driven["products"] == 1.0
    assert 0 < snn.provenance.driven["rectifiers"] < 0.9


@pytest.mark.parametrize("name", ["norm first", "norm last", "excited", "gated"])
def test_accounts_of_images_sum_up_to_that_of_their_batch(name):
    """Every image streams the side of a product that is cheaper for it, whatever it is in a batch with."""
    snn, x, _ = converted(name, "bit-coded")
    products = {op_of(node).name for node in snn.graph.nodes_with(Role.PRODUCT)}

    def synops(*batches):
        (costs,) = iso.account(snn, batches, progress=False).values()
        return {op: sum(entry.synops for entry in costs.entries if entry.op == op) for op in products}

    whole, single = synops(x[:3], x[3:]), [synops(image) for image in x.split(1)]
    assert products
    assert whole == synops(x)
    assert whole == {op: sum(one[op] for one in single) for op in products}
