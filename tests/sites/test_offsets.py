"""Constants behind signed sites: where layers have them in their biases, and that nothing else changes."""

from __future__ import annotations

import pytest
import torch
from site_cases import CASES, converted, inputs
from torch import nn

import isospike as iso
from isospike.graphs.graph import op_of
from isospike.sites import fold_offset, layers_behind, place_sites

ROUNDING = 1e-12
"""Of sums in float64 in another order."""


def layered(*layers: nn.Module, shape: tuple[int, ...]) -> iso.Graph:
    torch.manual_seed(0)
    return place_sites(iso.capture(nn.Sequential(*layers).double().eval(), inputs(shape, 2)))


LAYERS = {
    "linear": lambda: layered(nn.Linear(5, 6), nn.SiLU(), nn.Linear(6, 4), shape=(5,)),
    "without bias": lambda: layered(nn.Linear(5, 6), nn.SiLU(), nn.Linear(6, 4, bias=False), shape=(5,)),
    "rows": lambda: layered(nn.Linear(5, 6), nn.SiLU(), nn.Linear(6, 4), shape=(3, 5)),
    "convolution": lambda: layered(nn.Conv2d(3, 6, 1), nn.SiLU(), nn.Conv2d(6, 4, 3), shape=(3, 6, 6)),
    "groups": lambda: layered(nn.Conv2d(3, 6, 1), nn.SiLU(), nn.Conv2d(6, 4, 2, groups=2), shape=(3, 6, 6)),
    "one axis": lambda: layered(nn.Conv1d(3, 6, 1), nn.SiLU(), nn.Conv1d(6, 4, 3, stride=2), shape=(3, 9)),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_a_folded_offset_is_a_constant_at_the_site(kind):
    graph = LAYERS[kind]()
    (site,) = (node for node in graph.op_nodes() if op_of(node).name in graph.sites)
    op = op_of(site)
    offset = torch.arange(1.0, 7.0, dtype=torch.float64)
    shaped = offset.view(-1, *(1,) * (len(op.shape) - op.channel_axis % (1 + len(op.shape))))
    folded, added = graph.view(), graph.view()
    fold_offset(folded, next(n for n in folded.op_nodes() if n.name == site.name), shaped)
    x = inputs(graph.input_shape, 4)
    found = folded(x)
    added.get_submodule(op.name).register_forward_hook(lambda module, args, out: out + shaped)
    expected = added(x)
    assert (found - expected).abs().max() <= ROUNDING * expected.abs().max()


def test_nothing_is_folded_where_padding_or_a_product_reads():
    padded = layered(nn.Conv2d(3, 6, 1), nn.SiLU(), nn.Conv2d(6, 4, 3, padding=1), shape=(3, 6, 6))
    for node in padded.op_nodes():
        if op_of(node).name in padded.sites:
            assert layers_behind(padded, node) == []
    snn, _, _ = converted("norm first", "bit-coded")
    products = {source for node in snn.graph.op_nodes() if op_of(node).role.value == "product" for source in node.args}
    read = [op_of(node).name for node in products if op_of(node).name in snn.sites]
    assert read
    assert all(snn.neuron(site).offset is None for site in read)


@pytest.mark.parametrize("name", CASES)
def test_the_ann_of_a_network_with_offsets_is_the_model(name):
    snn, x, model = converted(name, "bit-coded")
    with torch.no_grad():
        expected, found = model(x), snn.ann()(x)
    assert (found - expected).abs().max() <= 1e-9 * expected.abs().max()  # folded norms and biases round


def test_channel_means_at_sites_with_offsets_are_those_of_the_ann():
    model = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 4)).double().eval()
    x = inputs((8,), 64)
    snn = iso.convert(model, iso.methods.BitCoded(bits=3), data=[x], sites="products", analogue="allow", progress=False)
    assert all(snn.neuron(site).offset is not None for site in snn.sites)
    means: dict[str, torch.Tensor] = {}
    ann = snn.ann()
    for graph, kept in ((snn.graph, "snn"), (ann, "ann")):
        for site in snn.sites:
            module = graph.get_submodule(site)
            module.register_forward_hook(lambda m, a, out, key=f"{kept} {site}": means.update({key: out.mean(0)}))
    snn.graph(x), ann(x)
    for site in snn.sites:
        assert torch.allclose(means[f"snn {site}"], means[f"ann {site}"], rtol=0, atol=ROUNDING)


def test_offsets_lower_the_error():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 8)).double().eval()
    data, test = inputs((16,), 256), inputs((16,), 512, seed=1)
    errors = []
    for calibrated in (False, True):
        method = iso.methods.BitCoded(bits=3, calibrate_bias=calibrated)
        snn = iso.convert(model, method, data=[data], sites="products", analogue="allow", progress=False)
        errors.append(float((snn(test) - model(test)).square().mean().detach()))
    assert errors[1] < errors[0]
    assert iso.verify(model, snn, [test], progress=False).exact


@pytest.mark.parametrize("digits", ["sign-magnitude", "signed-digits", "twos-complement"])
def test_networks_on_the_grid_have_offsets_too(digits, tmp_path):
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 16, bias=False), nn.Linear(16, 4)).double().eval()
    x = inputs((8,), 32)
    method = iso.methods.BitCoded(bits=4, exact=True, digits=digits)
    snn = iso.convert(model, method, data=[x], sites="products", progress=False)
    assert any(snn.neuron(site).offset is not None for site in snn.sites)
    certificate = iso.verify(model, snn, [x], progress=False)
    assert certificate.exact
    assert certificate.output_error == 0
    snn.save(tmp_path / "net.snn")
    again = iso.load(tmp_path / "net.snn")
    assert torch.equal(again(x), snn(x))
    assert all(
        torch.equal(again.neuron(s).offset, snn.neuron(s).offset) for s in snn.sites if snn.neuron(s).offset is not None
    )
    assert iso.diagnose(model, again, [x], progress=False).faults == ()
