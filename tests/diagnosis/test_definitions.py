"""The figures against their definitions, computed naively."""

from __future__ import annotations

import pytest
import torch

import isospike as iso
from isospike.data.reading import Given
from isospike.diagnosis.operator import spectral_norms
from isospike.diagnosis.replacement import answer_with_exact_site
from isospike.graphs import Role
from isospike.graphs.graph import op_of
from networks import ALL, NETWORKS

STEPS = 8
ROUNDING = 1e-9
"""Sums of some thousand float64 squares, their roots."""


def rms(difference: torch.Tensor, a: torch.Tensor) -> float:
    return (difference.square().sum() / a.square().sum()).sqrt().item()


@pytest.fixture
def two_layers(converted):
    """``conv - neuron - conv - neuron - head`` with thresholds of 0.6 of the maximum, and its images."""
    snn = converted("method_relu", iso.methods.Percentile(percentile=97.0, v_init=0.5))
    return snn, ALL["method_relu"].inputs(6, seed=4)


def clip_floor(z: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    return theta / STEPS * (0.5 + STEPS * z / theta).floor().clamp(0, STEPS)


def trains(snn: iso.SNN, x: torch.Tensor) -> dict[str, torch.Tensor]:
    parts: dict[str, list[torch.Tensor]] = {}
    watch = lambda name, train: parts.setdefault(name, []).append(train.clone())  # noqa: E731
    iso.simulate(snn, x, steps=STEPS, record=iso.Record(watch=watch))
    return {name: torch.cat(train) for name, train in parts.items()}


@torch.no_grad()
def test_three_parts_of_integrate_and_fire_neurons(two_layers):
    snn, x = two_layers
    first, second = iso.diagnose(ALL["method_relu"].build(), snn, [x], steps=STEPS).sites
    seen, graph = trains(snn, x), snn.graph
    for site, conv, source in ((first, "a", None), (second, "b", first)):
        theta = graph.get_submodule(site.site).v_threshold
        layer = graph.get_submodule(conv)
        z = layer(x if source is None else graph.get_submodule("a")(x).relu())
        mean_current = layer(x if source is None else seen[source.site].mean(0))
        a, s = z.relu(), seen[site.site].mean(0)
        expected = {
            "clipping_error": rms(z.clamp(min=0).minimum(theta) - a, a),
            "quantisation_error": rms(clip_floor(z, theta) - z.clamp(min=0).minimum(theta), a),
            "unevenness_error": rms(s - clip_floor(mean_current, theta), a),
            "local_error": rms(clip_floor(z, theta) - a, a),
            "accumulated_error": rms(s - a, a),
            "rate": (seen[site.site] != 0).double().mean().item(),
        }
        for name, value in expected.items():
            assert abs(getattr(site, name) - value) < ROUNDING, name
    assert first.clipping_error > 0 < second.unevenness_error


@torch.no_grad()
def test_an_exact_site_is_the_activation_of_the_mean_current(two_layers):
    snn, x = two_layers
    graph, (first, second) = snn.graph, snn.sites
    s = trains(snn, x)[first].mean(0)
    expected = graph.get_submodule("head")(graph.get_submodule("b")(s).relu().flatten(1))
    assert torch.allclose(
        answer_with_exact_site(snn, second, Given(x, None), steps=STEPS), expected, rtol=0, atol=1e-12
    )  # float64 sums


def test_the_bound_has_its_terms(two_layers):
    snn, x = two_layers
    first, second = iso.diagnose(ALL["method_relu"].build(), snn, [x], steps=STEPS).sites
    graph = snn.graph
    with torch.no_grad():
        s, layer = trains(snn, x), graph.get_submodule("b")
        a1 = graph.get_submodule("a")(x).relu()
        a2 = layer(a1).relu()
        intra = rms(s[second.site].mean(0) - layer(s[first.site].mean(0)).relu(), a2)
        carried = second.spectral_norm * (s[first.site].mean(0) - a1).norm() / a2.norm()
    assert abs(second.bound - (intra + carried.item())) < ROUNDING
    assert second.accumulated_error < second.bound


@pytest.mark.parametrize(
    "name", ["reused_relu", "upsampled", "concat", "average_pools", "transposed", "max_pools", "split"]
)
def test_spectral_norms_are_those_of_the_operators_as_matrices(name, captured):
    """The largest singular value of the Jacobian between every site and what it reads, ones of the pools included."""
    graph = iso.fold_batch_norm(captured(name))
    norms = spectral_norms(graph, graph.sites)
    for node in graph.nodes_with(Role.ACTIVATION):
        matrix = jacobian(graph, node, ALL[name].inputs(1))
        got = norms[op_of(node).name]
        if matrix is None:
            assert got is None
            continue
        expected = torch.linalg.matrix_norm(matrix, 2).item()
        assert got <= expected * (1 + 1e-12)  # power iteration comes from below; float64
        assert got >= expected * 0.995  # it ends when a thousandth is estimated to come


def jacobian(graph: iso.Graph, site: torch.fx.Node, x: torch.Tensor) -> torch.Tensor | None:
    """Of the site's current with respect to the nearest activations and max pools before it, by running the graph."""
    ends, waiting, seen = set(), [site.args[0]], set()
    while waiting:
        node = waiting.pop()
        if node.op != "placeholder" and op_of(node).role in (Role.ACTIVATION, Role.MAX_POOL):
            ends.add(node)
        elif node not in seen:
            seen.add(node)
            waiting += node.all_input_nodes
    if not ends:
        return None
    order = [node for node in graph.graph.nodes if node in ends]

    class Fixed(torch.fx.Interpreter):
        def run_node(self, node):
            return self.values[node] if node in self.values else super().run_node(node)

    def current(*values):
        run = Fixed(graph)
        run.values = dict(zip(order, values, strict=True))
        found = {}
        original = run.run_node
        run.run_node = lambda node: found.setdefault(node, original(node))
        run.run(x)
        return found[site.args[0]]

    like = [torch.zeros(1, *op_of(node).shape, dtype=x.dtype) for node in order]
    blocks = torch.autograd.functional.jacobian(current, tuple(like))
    rows = torch.zeros(1, *op_of(site.args[0]).shape).numel()
    return torch.cat([block.reshape(rows, -1) for block in blocks], 1)


def test_silent_and_saturated_channels(captured):
    """A channel with a threshold no current reaches, one with a threshold all currents exceed."""
    x = NETWORKS["module_relu"].inputs(4)
    snn = iso.convert(captured("module_relu"), iso.methods.Maximum(granularity="channel"), data=[x])
    threshold = snn.graph.get_submodule("relu").v_threshold
    threshold[0] *= 1000
    threshold[1] = 1e-6
    (site,) = iso.diagnose(captured("module_relu"), snn, [x], steps=STEPS).sites
    assert (site.silent_channels, site.saturated_channels, site.channels) == (1, 1, 4)


def test_labels_make_it_a_score(captured):
    snn = iso.convert(captured("module_relu"), iso.methods.BitCoded(bits=1), data=[NETWORKS["module_relu"].inputs(8)])
    x = NETWORKS["module_relu"].inputs(32, seed=5)
    with torch.no_grad():
        ann, got = captured("module_relu")(x).argmax(1), snn(x).argmax(1)
    wrong = (ann != got).double().mean().item()
    assert wrong > 0
    agreement, top1 = (iso.diagnose(captured("module_relu"), snn, [data]) for data in (x, (x, got)))
    assert (agreement.metric, top1.metric) == ("agreement", "score")
    # the one site exact is the ANN: all agreement comes back, and for labels that are the SNN's answers it is lost
    assert agreement.sites[0].regained == pytest.approx(wrong, abs=1e-12)
    assert top1.sites[0].regained == pytest.approx(-wrong, abs=1e-12)
    assert [site.site for site in agreement.worst] == ["relu"]
