"""Energy models: the figures of their sources, the competitors beside a network, and files that are refused."""

from __future__ import annotations

import copy
import dataclasses
import math
import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

import isospike as iso
from isospike.costs import (
    EnergyModel,
    count_macs,
    effective_steps,
    effective_steps_of,
    energy_models,
    frames_per_second_per_watt,
    load_energy_model,
    operation_ratio,
    reference_costs,
    synops_to_reach,
)
from isospike.errors import EnergyModelError, OptionError, UnknownNameError
from networks import NETWORKS
from short_methods import METHODS

MODELS = dict(energy_models.items())
GOOD = 'name = "mine"\nsource = "measured"\nbits = 8\nmac_pj = 2.0\nac_pj = 0.5\n'


def test_the_published_figures():
    found = {name: (model.mac_pj, model.ac_pj, model.update_pj) for name, model in MODELS.items()}
    assert found == {
        "45nm-fp32": (4.6, 0.9, None),
        "45nm-int8": (0.23, 0.03, None),
        "bit-coded-32": (3.2, 0.1, 0.21),
        "bit-coded-8": (0.23, 0.03, 0.054),
        "loihi": (4.6, 23.6, 81.0),
        "neuromorphic": (12.5, 0.077, None),
    }


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_source(name):
    model = MODELS[name]
    bib = resources.files("isospike").joinpath("references.bib").read_text(encoding="utf-8")
    assert model.source
    assert model.papers
    assert all(f"{{{key}," in bib for key in model.papers)
    assert model.mult_pj is None or model.mult_pj <= model.mac_pj
    stored = resources.files("isospike").joinpath("costs", "models", f"{name}.toml").read_text(encoding="utf-8")
    assert tomllib.loads(stored)["name"] == name


def test_frames_per_second_and_watt_as_published():
    """Bu et al. 2025, table S1: 20.86e9 synaptic operations of ResNet-34 at 90 % of the ANN's accuracy."""
    model = energy_models["neuromorphic"]
    assert int(frames_per_second_per_watt(model.energy(synops=20.86e9, macs=0).total)) == 622
    torchvision = pytest.importorskip("torchvision")
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        macs = count_macs(torchvision.models.resnet34().eval(), torch.empty(1, 3, 224, 224))
    ann = model.energy(synops=0, macs=sum(macs.values()))
    assert round(frames_per_second_per_watt(ann.total)) == 22  # with one MAC as one operation; two would give 11


@given(st.floats(0.001, 0.5), st.floats(0.01, 2))
def test_the_energy_ratio_of_the_tables(share, rate):
    """Ramesh and Srinivasan 2025, table 3: ``4.6 / (4.6 c + 0.9 b (1 - c))``, c the first layer's share."""
    model, macs = energy_models["45nm-fp32"], 1e6
    snn = model.energy(synops=rate * (1 - share) * macs, macs=share * macs)
    expected = 4.6 / (4.6 * share + 0.9 * rate * (1 - share))
    assert math.isclose(model.energy(synops=0, macs=macs).total / snn.total, expected, rel_tol=1e-12)


def test_no_energy_is_no_division_by_zero():
    assert frames_per_second_per_watt(0) == math.inf


@pytest.mark.parametrize("name", MODELS)
def test_narrow_activations_take_less(name):
    model = MODELS[name]
    energies = [model.quantised_mac_pj(bits) for bits in (1, 2, 4, 8, model.bits, 64)]
    assert energies == sorted(energies)
    assert energies[-1] == energies[-2] == pytest.approx(model.mac_pj, rel=1e-15)
    assert energies[0] > 0


def test_a_multiplication_of_eight_bits_costs_a_sixteenth():
    """The rule against Horowitz's own figures: 0.2 of 3.1 pJ for both operands of 8 in the place of 32 bits."""
    narrow = energy_models["bit-coded-32"].quantised_mac_pj(8) - energy_models["bit-coded-32"].ac_pj
    assert narrow / 4 == pytest.approx(0.2, rel=0.05)  # 0.194: the weight, too, becomes narrow


@pytest.mark.parametrize("method", ["maximum", "burst", "bit-coded", "pascal", "srp"])
def test_the_competitors(method, converted):
    snn = converted("module_relu", METHODS[method])
    reference, model = reference_costs(snn), energy_models["45nm-int8"]
    neuron = snn.graph.get_submodule("relu")
    levels = {"maximum": 12, "burst": 12 * getattr(neuron, "largest", 0), "srp": 10}  # two steps of probing
    expected = math.ceil(math.log2(levels.get(method, getattr(neuron, "levels", 0)) + 1))
    assert reference.bits(12) == {"relu": expected}
    conv, head = 22 * 22 * 3 * 4, 256 * 5  # 8 x 8 positions with 3 x 3 weights: 22 of 24 products an axis are inside
    assert reference.macs == conv + head
    assert reference.macs_with_padding == 8 * 8 * 27 * 4 + head
    assert reference.energy(model).total == pytest.approx((conv + head) * 0.23, rel=1e-12)
    narrow = 0.03 + 0.2 * min(expected, 8) / 8
    assert reference.quantised_energy(model, 12).total == pytest.approx(conv * 0.23 + head * narrow, rel=1e-12)
    serial = reference.bit_serial_energy(model, 12)
    assert serial.synops == pytest.approx(head * expected * 0.03, rel=1e-12)
    assert serial.macs == pytest.approx(conv * 0.23, rel=1e-12)


def test_traffic_is_charged_on_both_sides(converted):
    snn = converted("module_relu", METHODS["maximum"])
    model = dataclasses.replace(energy_models["45nm-fp32"], byte_pj=1.0, update_pj=2.0)
    costs = iso.account(snn, [NETWORKS["module_relu"].inputs(2)], steps=4)[4]
    total, energy = costs.total(), costs.energy(model)
    assert total.weight_bytes == 8 * (total.synops + total.macs)
    assert total.membrane_bytes == 16 * total.neuron_updates == 16 * 4 * 256
    assert energy.traffic == total.weight_bytes + total.membrane_bytes
    assert energy.neuron_updates == 2 * total.neuron_updates
    reference = reference_costs(snn)
    assert reference.energy(model).traffic == 8 * (reference.macs + 2 * 256)
    assert reference.quantised_energy(model, 3).traffic == 4 * reference.macs + 2 * 256 * 2 / 8  # weights of 32 bits
    assert reference.bit_serial_energy(model, 3).traffic == reference.quantised_energy(model, 3).traffic
    narrow = dataclasses.replace(model, bits=8)
    assert reference.quantised_energy(narrow, 3).traffic == 1 * reference.macs + 2 * 256 * 2 / 8
    assert model.left_out() == ()
    assert len(energy_models["45nm-fp32"].left_out()) == 2


def test_synops_to_reach(converted):
    found = iso.account(
        converted("module_relu", METHODS["maximum"]), [NETWORKS["module_relu"].inputs(4)], steps=[1, 4, 8]
    )
    accuracy = {1: 0.5, 4: 0.81, 8: 0.9, 16: 0.95}
    assert synops_to_reach(0.9, found, accuracy, ann=0.9) == found[4].total().synops
    assert synops_to_reach(0.95, found, accuracy, ann=0.9) == found[8].total().synops
    assert synops_to_reach(1.0, found, accuracy, ann=0.95) is None
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(OptionError, match="share"):
            synops_to_reach(share, found, accuracy, ann=0.9)
    with pytest.raises(OptionError, match="in common"):
        synops_to_reach(0.9, found, {2: 1.0}, ann=0.9)


def test_effective_steps_of_a_network(converted):
    snn = converted("reused_relu", METHODS["pascal"])
    levels = snn.graph.get_submodule("relu").levels
    ratios = [operation_ratio(fan_in) for fan_in in (27, 36, 36)]
    assert effective_steps_of(snn) == pytest.approx(effective_steps(ratios, [levels] * 3), rel=1e-12)
    assert effective_steps_of(snn, spike_rate=0.25) > effective_steps_of(snn)
    with pytest.raises(OptionError, match="Pasc neurons"):
        effective_steps_of(converted("reused_relu", METHODS["bit-coded"]))


BAD = {
    "no such file": (None, "cannot read"),
    "empty": ("", "lacks name, source, mac_pj, ac_pj, bits"),
    "no TOML": ("mac_pj: 3", "no TOML file"),
    "no text": (b"\xff\xfe", "no TOML file"),
    "nested": ("a = " + "[" * 5000, "no TOML file"),
    "too large": ("#" * 2**17, "more than 65536 bytes"),
    "unknown key": (GOOD + "mac = 3\n", "has the unknown mac"),
    "missing key": (GOOD.replace("ac_pj = 0.5\n", ""), "lacks ac_pj"),
    "negative": (GOOD.replace("0.5", "-0.5"), "ac_pj must be a finite number of pJ above 0, got -0.5"),
    "infinite": (GOOD.replace("0.5", "inf"), "above 0, got inf"),
    "not a number": (GOOD.replace("2.0", "nan"), "mac_pj must be a finite number of pJ above 0, got nan"),
    "zero": (GOOD.replace("2.0", "0"), "mac_pj must be a finite number of pJ above 0, got 0"),
    "a text": (GOOD.replace("2.0", '"2.0"'), "mac_pj must be a finite number"),
    "yes": (GOOD.replace("2.0", "true"), "mac_pj must be a finite number"),
    "huge": (GOOD.replace("2.0", "9" * 400), "mac_pj must be a finite number"),
    "enormous": (GOOD.replace("2.0", "9" * 9000), "no TOML file"),
    "negative update": (GOOD + "update_pj = -1\n", "update_pj must be a finite number of pJ, at least 0"),
    "infinite byte": (GOOD + "byte_pj = inf\n", "byte_pj must be a finite number of pJ, at least 0"),
    "no bits": (GOOD.replace("bits = 8", "bits = 0"), "bits must be a whole number from 1 to 64"),
    "half a bit": (GOOD.replace("bits = 8", "bits = 8.5"), "bits must be a whole number"),
    "no source": (GOOD.replace('"measured"', '" "'), "source must be a text"),
    "one paper": (GOOD + 'papers = "x"\n', "papers must be a list"),
    "part above the whole": (GOOD + "mult_pj = 3\n", "mult_pj must be a part of mac_pj, 2, got 3"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_line(name, tmp_path):
    content, message = BAD[name]
    path = tmp_path / "model.toml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(EnergyModelError) as caught:
        load_energy_model(path)
    assert message in str(caught.value)
    assert "model.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", [3, None, "a\0b", "."])
def test_paths_that_are_none_are_refused(path):
    with pytest.raises(EnergyModelError):
        load_energy_model(path)


def test_a_model_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + "update_pj = 0\n")
    assert load_energy_model(path) == EnergyModel("mine", "measured", mac_pj=2.0, ac_pj=0.5, bits=8, update_pj=0.0)
    assert load_energy_model(str(path)).quantised_mac_pj(4) == 1.0


def test_the_name_of_another_model_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("mine", "loihi"))
    with pytest.raises(EnergyModelError, match=r"mine\.toml is called loihi, as one that isospike brings; give it"):
        load_energy_model(path)
    brought = resources.files("isospike").joinpath("costs", "models", "loihi.toml").read_text(encoding="utf-8")
    path.write_text(brought)
    assert load_energy_model(path) == MODELS["loihi"]


def test_unknown_models_offer_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 45nm-fp32"):
        energy_models["45nm-fp23"]


def test_a_bit_coded_network_does_the_ones_of_the_bit_serial_ann(converted):
    """With every bit one, both do the same additions."""
    snn = converted("module_relu", METHODS["bit-coded"])
    x = NETWORKS["module_relu"].inputs(4)
    model = energy_models["45nm-int8"]
    (costs,) = iso.account(snn, [x]).values()
    serial = reference_costs(snn).bit_serial_energy(model, costs.steps)
    assert 0 < costs.energy(model).synops < serial.synops
    full = copy.deepcopy(snn)
    full.graph.get_submodule("relu").v_init.fill_(1e6)
    (saturated,) = iso.account(full, [x]).values()
    assert saturated.energy(model).synops == pytest.approx(serial.synops, rel=1e-12)
