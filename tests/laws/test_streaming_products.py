"""Products of two values that spikes carry: the streaming form, exact at every step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike.graphs.graph import op_of
from isospike.network import Profile, Provenance, network_of
from isospike.neurons import Graded, IntegrateAndFire
from isospike.ops import Role
from isospike.ops.signed_site import SignedSite
from networks import ALL
from signed_networks import with_signed_site

STEPS = 9


class Scores(nn.Module):
    """Queries times keys, two linear layers of the same tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(6, 4), nn.Linear(6, 4)

    def forward(self, x):
        return self.query(x) @ self.key(x).transpose(1, 2)


def network(images: Tensor) -> iso.SNN:
    """Signed sites at both operands, integrate-and-fire at one and graded at the other; the matmul is a product."""
    torch.manual_seed(0)
    graph = iso.capture(Scores().double().eval(), images[:2])
    for behind in ("query", "key"):
        graph = with_signed_site(graph, behind, f"{behind}_site")
    one = torch.tensor(1.0, dtype=torch.float64)
    kinds = {
        "query_site": IntegrateAndFire(0.3 * one, 0.15 * one, SignedSite()),
        "key_site": Graded(0.2 * one, 0.1 * one, SignedSite(), largest=3),
    }
    for node in graph.op_nodes():
        if op_of(node).name in kinds:
            graph.replace(node, kinds[op_of(node).name])
        if op_of(node).role is Role.ANALOGUE:
            node.meta["op"] = replace(op_of(node), role=Role.PRODUCT)
    return network_of(graph, Profile(Provenance("test")))


@pytest.mark.parametrize("executor", ["layer", "step"])
def test_the_two_term_form_at_every_step(executor):
    """``P_t = A_t S_B(t) + S_A(t-1) B_t`` sums to ``S_A(T) S_B(T)``; in mean form the answer is ``m_A m_B``."""
    x = torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    snn, trains = network(x), dict[str, list[Tensor]]()
    watch = lambda site, train: trains.setdefault(site, []).extend(train.clone().unbind())  # noqa: E731
    record = iso.Record(watch=watch, at=tuple(range(1, STEPS)))
    run = iso.simulate(snn, x, steps=STEPS, record=record, executor=executor)
    total, sum_a, sum_b = torch.zeros(3, 5, 5, dtype=torch.float64), 0.0, 0.0
    for t, (a, key) in enumerate(zip(trains["query_site"], trains["key_site"], strict=True), 1):
        b = key.transpose(1, 2)
        total = total + a @ (sum_b + b) + sum_a @ b if t > 1 else a @ b
        sum_a, sum_b = sum_a + a, sum_b + b
        assert (total - sum_a @ sum_b).abs().max() <= 1e-12  # a few roundings of sums of some tens
        assert (run.answers[t] - total / t**2).abs().max() <= 1e-13
    assert total.abs().max() > 1


METHODS = {
    "maximum": iso.methods.Maximum(granularity="channel"),
    "graded": iso.methods.Buffered(largest=8, powers_of_two=False),
    "differential": iso.methods.Differential(),
    "harmony": iso.methods.Harmony(tail=2.0),
    "expectation-compensation": iso.methods.ExpectationCompensation(percentile=100.0),
}
"""Whose thresholds clip nothing of the images that calibrate."""


@pytest.mark.parametrize("method", METHODS)
def test_attention_between_signed_sites_becomes_that_of_the_ann(method, tmp_path):
    """Every product is driven by spikes of both signs; the error falls as one over the steps."""
    case = ALL["attention"]
    model, x = case.build(), case.inputs(4)
    snn = iso.convert(model, METHODS[method], data=[x], analogue="allow", sites="products")
    assert {op.name for op in snn.graph.ops if op.role is Role.PRODUCT} != set()
    run = iso.simulate(snn, x, steps=64, record=iso.Record(at=(4, 16)))
    error = {t: ((run.answers[t] - model(x)).norm() / model(x).norm()).item() for t in (4, 16, 64)}
    assert error[64] < error[4] / 6  # 16 times the steps; a few samples scatter by a factor of two
    assert error[64] < 0.03
    snn.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(x, steps=16), run.answers[16])
