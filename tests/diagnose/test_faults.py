"""Every planted fault is named, at the right place, and nothing else is."""

from __future__ import annotations

import copy

import pytest
import torch
import torchvision
from planted import adds_of, seeded, with_threshold, with_unfolded, without_branch

import isospike as iso
from blocks import randomise_batch_norms
from isospike.data import open_data
from isospike.demo.network import load_digits_net

METHODS = {
    "percentile": iso.methods.Percentile(v_init=0.5),
    "bit-coded": iso.methods.BitCoded(bits=4),
    "calibrated-buffered": iso.methods.CalibratedBuffered(steps=(8,), refine_images=40),
}


class Digits:
    """The digits network: a residual block with identity shortcut, one with a convolution, a max pool."""

    site, norm, layer, sites = "block1.relu#2", "block1.bn2", "block1.conv2", 5

    def __init__(self) -> None:
        self.model = load_digits_net()
        self.captured = iso.capture(self.model, torch.rand(2, 1, 8, 8))
        data = {
            split: list(open_data("digits", split, preprocess=None, images=count, shuffle=False))
            for split, count in (("calibration", 40), ("test", 20))
        }
        self.data, self.test = data["calibration"], data["test"]


class ResNet:
    """ResNet-18 for images of 32 x 32 with random weights: a max pool in front, projections, 17 sites."""

    site, norm, layer, sites = "layer2.0.relu", "layer1.0.bn1", "layer1.0.conv1", 17

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = torchvision.models.resnet18(num_classes=10).eval()
        with torch.no_grad():
            randomise_batch_norms(self.model)
        self.captured = iso.capture(self.model, seeded((2, 3, 32, 32), 0))
        self.data, self.test = [seeded((16, 3, 32, 32), 1)], [seeded((2, 3, 32, 32), 2)]


KINDS = {"digits": Digits, "resnet": ResNet}
CASES = [("digits", "percentile"), ("digits", "bit-coded"), ("digits", "calibrated-buffered"), ("resnet", "percentile")]
_made: dict[object, object] = {}


@pytest.fixture(params=CASES, ids="-".join)
def case(request):
    """A network, what it was made from, and a function that names the faults of a network of it."""
    kind, method = request.param
    if kind not in _made:
        _made[kind] = KINDS[kind]()
    source = _made[kind]
    if request.param not in _made:
        _made[request.param] = iso.convert(source.captured, METHODS[method], data=source.data)
    snn = _made[request.param]
    return (
        source,
        snn,
        lambda network: iso.diagnose(source.captured, network, source.test, steps=8 if snn.steps is None else None),
    )


def test_a_healthy_network_has_no_fault(case):
    source, snn, diagnose = case
    found = diagnose(snn)
    assert found.faults == ()
    assert len(found.sites) == source.sites
    assert "Mend" not in found.verdict


def test_a_low_threshold(case):
    source, snn, diagnose = case
    if snn.calibrated:
        pytest.skip("every number of steps has thresholds of its own, and they are scaled in the test below")
    found = diagnose(with_threshold(snn, source.site, 0.2))
    (fault,) = found.faults
    assert fault.name == source.site
    assert f"the threshold of site {source.site} is too low" in fault.fault
    assert fault.fault in found.verdict
    clipping = {site.site: site.clipping_error for site in found.sites}
    assert max(clipping, key=clipping.__getitem__) == source.site


def test_a_batch_normalisation_left_unfolded(case):
    source, snn, diagnose = case
    (fault,) = diagnose(with_unfolded(snn, source.captured, source.layer)).faults
    assert fault.name == source.norm
    assert f"batch normalisation {source.norm} is not folded into {source.layer}" in fault.fault


@pytest.mark.parametrize(("kept", "dead"), [(0, False), (1, False), (1, True)])
def test_a_dropped_branch(kept, dead, case):
    source, snn, diagnose = case
    if snn.calibrated and not dead:
        pytest.skip("tensors calibrated for a site that is gone: such a network does not run at all")
    folded = iso.fold_batch_norm(source.captured)
    join = adds_of(snn.graph)[1]
    node = next(node for node in folded.op_nodes() if node.meta["op"].name == join)
    dropped = node.all_input_nodes[1 - kept].meta["op"].name
    found = diagnose(without_branch(snn, join, kept=kept, dead=dead))
    branches = [fault for fault in found.faults if "branch" in fault.fault]
    (fault,) = branches
    assert fault.name == join
    assert f"residual branch {dropped} of {join} is dropped" in fault.fault
    # a site that lost half of its current may also have a threshold that does not suit it; nothing else is claimed
    assert all("threshold" in other.fault for other in found.faults if other is not fault)


def test_an_operand_replaced_by_a_constant():
    source = _made.setdefault("digits", Digits())
    snn = iso.convert(source.captured, METHODS["percentile"], data=source.data)
    broken = copy.deepcopy(snn)
    node = next(node for node in broken.graph.op_nodes() if node.meta["op"].kind == "add")
    node.args = (node.args[0], 0.0)
    broken.graph.recompile()
    (fault,) = iso.diagnose(source.captured, broken, source.test, steps=8).faults
    assert fault.name == node.meta["op"].name


def test_calibrated_thresholds_are_seen_as_they_run():
    source = _made.setdefault("digits", Digits())
    snn = iso.convert(source.captured, METHODS["calibrated-buffered"], data=source.data)
    found = iso.diagnose(source.captured, with_threshold(snn.at(8), "block2.relu", 0.2), source.test, steps=8)
    assert [fault.name for fault in found.faults] == ["block2.relu"]


def test_other_weights_and_another_training():
    source = _made.setdefault("digits", Digits())
    snn = iso.convert(source.captured, METHODS["bit-coded"], data=source.data)
    broken = copy.deepcopy(snn)
    with torch.no_grad():
        broken.graph.get_submodule("head").weight[0] += 1
    (fault,) = iso.diagnose(source.captured, broken, source.test).faults
    assert (fault.name, "not those of the model" in fault.fault) == ("head", True)
    with torch.no_grad():
        for module in broken.graph.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
                module.weight.mul_(1.5)
    (fault,) = iso.diagnose(source.captured, broken, source.test).faults
    assert "another training" in fault.fault


@pytest.mark.parametrize("name", ["pascal", "bit-coded"])
def test_networks_on_the_binary_grid(name):
    source = _made.setdefault("digits", Digits())
    snn = iso.convert(source.captured, iso.methods.methods[name](exact=True), data=source.data)
    found = iso.diagnose(source.captured, snn, source.test)
    assert found.faults == ()
    assert all(site.unevenness_error == 0 for site in found.sites)
    faults = iso.diagnose(source.captured, with_unfolded(snn, source.captured, "block2.conv1"), source.test).faults
    assert [fault.name for fault in faults] == ["block2.bn1"]
