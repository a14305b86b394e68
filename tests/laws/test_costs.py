"""What every account obeys: parts sum to the total, costs grow with time, silence is free, every op is named."""

from __future__ import annotations

import copy
from fractions import Fraction

import pytest
import torch

import isospike as iso
from isospike.costs import CURRENTS, INPUT, Costs, energy_models, reference_costs
from isospike.costs.reach import is_move, makes_currents
from isospike.graphs import Role
from isospike.graphs.graph import op_of
from networks import ALL, ISLANDS, NETWORKS
from short_methods import EMITTING, FEW, FREE, METHODS, STREAMING, TYPICAL, chosen, pairs

COUNTS = ("spikes", "packets", "synops", "macs", "neuron_updates", "weight_bytes", "membrane_bytes")
HORIZONS = [4, 12]
IMAGES = 3


def accounts(name: str, method: str, converted) -> tuple[iso.SNN, dict[int, Costs]]:
    snn = converted(name, METHODS[method])
    x = 3 * ALL[name].inputs(IMAGES)
    return snn, iso.account(snn, [x[:2], x[2:]], steps=None if snn.times.steps else HORIZONS)


@pytest.mark.parametrize(("name", "method"), pairs(ALL, METHODS))
def test_parts_sum_to_the_total(name, method, converted):
    snn, found = accounts(name, method, converted)
    assert list(found) == ([snn.times.steps] if snn.times.steps else HORIZONS)
    for costs in found.values():
        assert costs.images == IMAGES
        total = costs.total()
        for parts in (costs.by_site(), costs.by_op()):
            for count in COUNTS:
                # counts are whole numbers of all images, so a product with their number is off by less than a half
                whole = sum(round(getattr(part, count) * IMAGES) for part in parts.values())
                assert whole == round(getattr(total, count) * IMAGES)
        by_rate = sum((entry.synops_by_rate for entry in costs.entries), Fraction(0)) / IMAGES
        assert total.synops_by_rate == float(by_rate)
        known = {op_of(node).name for node in snn.graph.op_nodes()}
        assert set(costs.by_op()) <= known
        assert set(costs.by_site()) <= known | {INPUT, CURRENTS}
        assert list(costs.spikes_by_step()) == list(snn.sites)


@pytest.mark.parametrize(("name", "method"), pairs(FEW, METHODS))
def test_events_are_those_of_the_run(name, method, converted):
    snn, found = accounts(name, method, converted)
    x = 3 * ALL[name].inputs(IMAGES)
    for steps, costs in found.items():
        run = iso.simulate(chosen(snn, steps), x, steps=None if snn.times.steps else steps)
        assert costs.spike_sums == {site: tuple(counts.sum(1).tolist()) for site, counts in run.spikes.items()}
        assert costs.packet_sums == {site: tuple(counts.sum(1).tolist()) for site, counts in run.packets.items()}
        assert round(costs.total().spikes * IMAGES) == sum(map(sum, costs.spike_sums.values()))
        neurons = {op_of(n).name: torch.Size(op_of(n).shape).numel() for n in snn.graph.nodes_with(Role.ACTIVATION)}
        if method in STREAMING:
            assert costs.total().neuron_updates == steps * sum(neurons.values())


@pytest.mark.parametrize(("name", "method"), pairs(FEW, FREE))
def test_costs_grow_with_time(name, method, converted):
    snn, x = converted(name, METHODS[method]), 3 * ALL[name].inputs(2)
    found = iso.account(snn, [x], steps=[12, 3, 4, 5])
    assert list(found) == [3, 4, 5, 12]
    totals = [costs.total() for costs in found.values()]
    for count in (*COUNTS, "synops_by_rate"):
        values = [getattr(total, count) for total in totals]
        assert values == sorted(values)
    assert iso.account(snn, [x], steps=4)[4] == found[4]


@pytest.mark.parametrize(("name", "method"), pairs(FEW, TYPICAL))
def test_batches_do_not_matter_and_one_image_will_do(name, method, converted):
    snn, x = converted(name, METHODS[method]), 3 * ALL[name].inputs(3)
    steps = None if snn.times.steps else HORIZONS
    before = {key: tensor.clone() for key, tensor in snn.state_dict().items()}
    together, apart = iso.account(snn, [x], steps=steps), iso.account(snn, list(x.split(1)), steps=steps)
    assert together == apart
    assert all(torch.equal(tensor, before[key]) for key, tensor in snn.state_dict().items())
    single = [iso.account(snn, [image], steps=steps) for image in x.split(1)]
    for t, costs in together.items():
        assert booked(costs.entries) == booked(entry for one in single for entry in one[t].entries)


def booked(entries) -> dict[tuple[str, str], tuple]:
    """Whole numbers by source and op, those that are not zero."""
    found: dict[tuple[str, str], tuple] = {}
    for entry in entries:
        counts = (entry.spikes, entry.packets, entry.neuron_updates, entry.synops, entry.macs, entry.synops_by_rate)
        before = found.get((entry.site, entry.op), (0,) * len(counts))
        found[entry.site, entry.op] = tuple(map(sum, zip(before, counts, strict=True)))
    return {key: counts for key, counts in found.items() if any(counts)}


@pytest.mark.parametrize("method", METHODS)
def test_silence_is_free_and_divides_by_nothing(method, captured):
    """Without biases and without an input nothing spikes, where a neuron's own currents do not make it."""
    graph = copy.deepcopy(captured("reused_relu"))
    with torch.no_grad():
        for key, tensor in graph.state_dict().items():
            if key.endswith(("bias", "running_mean")):
                tensor.zero_()
    snn = iso.convert(graph, METHODS[method], data=[NETWORKS["reused_relu"].inputs(8)])
    nothing, steps = torch.zeros(1, 3, 8, 8, dtype=torch.float64), None if snn.times.steps else 12
    run = iso.simulate(chosen(snn, 12), nothing, steps=steps)
    (costs,) = iso.account(snn, [nothing], steps=steps).values()
    total = costs.total()
    if not any(counts.any() for counts in run.spikes.values()):
        assert (total.spikes, total.packets, total.synops, total.synops_by_rate) == (0, 0, 0, 0)
    assert method not in EMITTING or total.spikes == 0
    assert total.macs > 0
    for model in dict(energy_models.items()).values():
        assert costs.energy(model).total > 0
        assert reference_costs(snn).quantised_energy(model, costs.steps).total > 0


@pytest.mark.parametrize(("name", "method"), pairs(ALL, ("maximum", "bit-coded")))
def test_every_op_is_accounted_for(name, method, converted):
    snn, found = accounts(name, method, converted)
    costs = found[max(found)]
    named = {line.split(" (")[0] for line in costs.not_counted()}
    for node in snn.graph.op_nodes():
        op = op_of(node)
        folded = op.role is Role.LINEAR and not makes_currents(node)
        assert op.name in costs.by_op() or op.name in named or is_move(node) or folded, op


@pytest.mark.parametrize("name", ISLANDS)
@pytest.mark.parametrize("method", ["maximum", "bit-coded"])
def test_islands_are_named(name, method, converted):
    snn, found = accounts(name, method, converted)
    costs = found[max(found)]
    for island in snn.islands:
        assert any(line.startswith(f"{island} (") and "island" in line for line in costs.not_counted())
