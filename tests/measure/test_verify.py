"""The certificate: holds for what was converted, and names the first neuron where something else is run."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch

import isospike as iso
from isospike.errors import ConversionError, SimulationError
from isospike.measure.alongside import worst
from isospike.neurons import BitCodedNeuron, Emission
from networks import ALL, NETWORKS
from short_methods import CALIBRATED, EMITTING, FREE, STREAMING

SOME = ["module_relu", "concat", "max_pools", "batch_norms", "ceilings", "tuple_output"]


def batches(name: str) -> list[torch.Tensor]:
    return [ALL[name].inputs(3, seed=20), ALL[name].inputs(2, seed=21)]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("method", EMITTING)
@pytest.mark.parametrize("name", SOME)
def test_holds_for_the_model_it_came_from(name, method, exact, converted, captured):
    snn = converted(name, dataclasses.replace(EMITTING[method], exact=exact))
    before = copy.deepcopy(snn.state_dict())
    found = iso.verify(captured(name), snn, batches(name))
    assert found.exact, found.first_difference
    assert (found.kind, found.steps, found.images, found.dtype) == (
        "accumulate-then-emit",
        snn.times.steps,
        5,
        "float64",
    )
    assert [site.site for site in found.sites] == list(snn.sites)
    neurons = {op.name: torch.Size(op.shape).numel() for op in snn.graph.ops}
    assert all(site.codes == 5 * neurons[site.site] for site in found.sites)
    assert found.first_difference == ""
    assert found.output_error <= found.tolerance
    assert (found.tolerance == 0) == exact
    assert 0 < found.model_error < 1  # 4 bits or 8 levels are not the ReLU network
    assert found.task == ("regression" if name == "tuple_output" else "classification")
    assert f"{sum(site.codes for site in found.sites)} codes" in found.compared
    assert all(torch.equal(before[key], value) for key, value in snn.state_dict().items())


def test_islands_are_verified_too(converted):
    assert iso.verify(ALL["gated"].build(), converted("gated", EMITTING["bit-coded"]), batches("gated")).exact


def test_float32_copies_are_verified_in_float64(captured):
    graph = iso.fold_batch_norm(captured("reused_relu")).float()
    data = [x.float() for x in batches("reused_relu")]
    for method in (iso.methods.BitCoded(), iso.methods.BitCoded(exact=True)):
        assert iso.verify(graph, iso.convert(graph, method, data=data), data).exact


def test_a_trained_float32_network_is_the_model_itself_in_float64_too(captured):
    """Bounds and units stay those of float32; made anew from the parameter in float64 they would be others."""
    data = [x.float() for x in batches("concat")]
    graph = iso.fold_batch_norm(captured("concat")).float()
    trained = iso.quantise(graph, iso.activations.QCFS(levels=7, granularity="channel"), data=data)
    found = iso.verify(trained, iso.convert(trained, iso.methods.BitCoded(), data=data), data)
    assert found.exact
    assert found.agreement == 1
    assert found.model_error < 1e-12  # sums of float64 in another order


@pytest.mark.parametrize("change", ["bounds", "levels"])
def test_a_network_is_not_that_of_other_trained_quantisers(change, captured):
    data = batches("concat")
    trained = iso.quantise(captured("concat"), iso.activations.QCFS(levels=4), data=data)
    snn = iso.convert(trained, iso.methods.BitCoded(), data=data)
    found = iso.verify(trained, snn, data)
    assert found.exact
    assert all(site.trained for site in found.sites)
    assert f"own quantisers at {len(snn.sites)} sites, the network's at 0" in found.compared
    other = copy.deepcopy(trained)
    for site in other.sites:
        module = other.get_submodule(site)
        if change == "bounds":
            module.log_bound.data += 0.5
        else:
            module.activation = iso.activations.QCFS(levels=2)
    found = iso.verify(other, snn, data)
    if change == "bounds":
        assert not found.exact
        assert "code" in found.first_difference
    else:  # the network stands for the same weights with its own levels, and the certificate says so
        assert not any(site.trained for site in found.sites)
        assert f"own quantisers at 0 sites, the network's at {len(snn.sites)}" in found.compared
        assert found.model_error > 0


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_model_that_is_not_finite_is_no_proof(value, captured):
    data = batches("concat")
    snn = iso.convert(captured("concat"), iso.methods.BitCoded(), data=data)
    broken = copy.deepcopy(captured("concat"))
    broken.get_submodule("head").bias.data[0] = value
    with pytest.raises(ConversionError, match="NaN or infinity in the weights of 1 op: head"):
        iso.verify(broken, snn, data)
    assert math.isnan(worst(0.0, math.nan, 1.0))
    assert worst(0.0, 2.0, 1.0) == 2


@pytest.mark.parametrize("exact", [False, True])
def test_another_weight_is_found_at_its_site(exact, converted):
    """The second of three layers is wrong: the first site agrees, the second is named."""
    snn = copy.deepcopy(converted("batch_norms", iso.methods.BitCoded(exact=exact)))
    with torch.no_grad():
        snn.graph.get_submodule("b").weight[0, 0, 0, 0] += 0.5
    found = iso.verify(ALL["batch_norms"].build(), snn, batches("batch_norms"))
    assert not found.exact
    sites = {site.site: site for site in found.sites}
    first, second = sites["relu"], sites["relu#2"]
    assert first.wrong_codes == first.wrong_spikes == 0
    assert second.wrong_codes > 0
    assert second.wrong_spikes > 0
    assert found.first_difference.startswith("site 'relu#2': image 0, neuron [0, ")
    assert "quantised ANN" in found.first_difference


def test_outputs_alone_may_differ(converted):
    snn = copy.deepcopy(converted("module_relu", EMITTING["pascal"]))
    with torch.no_grad():
        snn.graph.get_submodule("head").bias[0] += 0.125
    found = iso.verify(ALL["module_relu"].build(), snn, batches("module_relu"))
    assert not found.exact
    assert all(site.wrong_codes == site.wrong_spikes == 0 for site in found.sites)
    assert abs(found.output_error - 0.125) < 1e-12  # one addition to outputs of size 1
    assert found.first_difference == "outputs by 0.125"


def test_a_neuron_that_drops_a_spike_is_found(converted, monkeypatch):
    emit = BitCodedNeuron.emit

    def deaf(self, currents):
        emission = emit(self, currents)
        spikes = emission.spikes.clone()
        spikes[-1, 1, 0, 0, 7] ^= True
        return Emission(spikes, emission.inhibitory)

    monkeypatch.setattr(BitCodedNeuron, "emit", deaf)
    found = iso.verify(
        ALL["module_relu"].build(), converted("module_relu", EMITTING["bit-coded"]), batches("module_relu")
    )
    assert not found.exact
    (site,) = found.sites
    assert site.wrong_codes == site.wrong_spikes == 2  # one in each batch
    assert site.first.startswith("image 1, neuron [0, 0, 7]: code ")


@pytest.mark.parametrize("method", FREE)
@pytest.mark.parametrize("name", ["module_relu", "max_pools", "ceilings"])
def test_streaming_networks_are_measured(name, method, converted, captured):
    snn, model = converted(name, FREE[method]), captured(name)
    few, many = (iso.verify(model, snn, batches(name), steps=steps) for steps in (4, 256))
    for found, steps in ((few, 4), (many, 256)):
        check_measure(found, snn, steps)
    assert many.sites[0].error < few.sites[0].error


def check_measure(found: iso.Certificate, snn: iso.SNN, steps: int) -> None:
    assert not found.exact
    assert (found.kind, found.steps, found.images) == ("streaming", steps, 5)
    assert [site.site for site in found.sites] == list(snn.sites)
    assert "not claimed to be equal" in found.compared
    assert all(site.error > 0 for site in found.sites)


@pytest.mark.parametrize("method", CALIBRATED)
def test_calibrated_networks_are_measured_as_they_run(method, converted, captured):
    snn, model, data = converted("max_pools", CALIBRATED[method]), captured("max_pools"), batches("max_pools")
    for steps in snn.times.calibrated:
        found = iso.verify(model, snn, data, steps=steps)
        check_measure(found, snn, steps)
        error = max((snn(x, steps=steps) - model(x)).abs().max().item() for x in data)
        assert abs(found.output_error - error) <= 1e-12  # folding and other batches round
    with pytest.raises(SimulationError, match="not calibrated for 5 steps, but for 4, 12, 32"):
        iso.verify(model, snn, data, steps=5)


def test_the_first_site_of_a_streaming_network_is_the_clip_floor_theorem(captured):
    """The measure against the closed form: mean output ``theta floor(v0 + T z / theta) / T``, clipped."""
    x = NETWORKS["module_relu"].inputs(4)
    snn = iso.convert(captured("module_relu"), iso.methods.Maximum(v_init=0.5), data=[x])
    (site,) = iso.verify(captured("module_relu"), snn, [x], steps=8).sites
    with torch.no_grad():
        z = snn.graph.get_submodule("conv")(x)
        theta = snn.graph.get_submodule("relu").v_threshold
        mean = theta * (0.5 + 8 * z / theta).floor().clamp(0, 8) / 8
        error = (mean - z.relu()).square().sum().sqrt() / z.relu().square().sum().sqrt()
    assert abs(site.error - error.item()) < 1e-9  # sums of 1000 float64 values


def test_wrong_requests(converted, captured):
    emitting, streaming = converted("module_relu", EMITTING["pascal"]), converted("module_relu", STREAMING["maximum"])
    model, data = captured("module_relu"), batches("module_relu")
    with pytest.raises(SimulationError, match=r"sites relu, the model relu, relu#2"):
        iso.verify(ALL["method_relu"].build(), emitting, data)
    with pytest.raises(SimulationError, match="takes 8 steps, 4 were asked for"):
        iso.verify(model, emitting, data, steps=4)
    with pytest.raises(SimulationError, match="say after how many steps"):
        iso.verify(model, streaming, data)
    exact = converted("module_relu", iso.methods.Pascal(exact=True))
    with pytest.raises(SimulationError, match="exact in float64 only"):
        iso.verify(model, exact, data, dtype=torch.float32)
