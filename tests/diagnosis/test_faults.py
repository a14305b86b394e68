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
from isospike.graphs.graph import op_of

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
        lambda network: iso.diagnose(source.captured, network, source.test, steps=snn.times.steps or 8),
    )


def test_a_healthy_network_has_no_fault(case):
    source, snn, diagnose = case
    found = diagnose(snn)
    assert found.faults == ()
    assert len(found.sites) == source.sites
    assert "Mend" not in found.verdict


def test_a_low_threshold(case):
    source, snn, diagnose = case
    if snn.times.calibrated:
        pytest.skip("every number of steps has thresholds of its own, and they are scaled in the test below")
    found = diagnose(with_threshold(snn, source.site, 0.2))
    (fault,) = found.faults
    assert fault.name == source.site
    assert f"the threshold of site {source.site} is too low" in fault.fault
    assert fault.fault in found.verdict
    clipping = {site.site: site.clipping_error for site in found.sites}
    assert max(clipping, key=clipping.__getitem__) == source.site


def test_a_high_threshold(case):
    source, snn, diagnose = case
    if snn.times.calibrated:
        pytest.skip("every number of steps has thresholds of its own, and they are scaled in the test below")
    found = diagnose(with_threshold(snn, source.site, 5.0))
    (fault,) = found.faults
    assert fault.name == source.site
    (headroom,) = (site.headroom for site in found.sites if site.site == source.site)
    assert f"the threshold of site {source.site} is too high" in fault.fault
    assert f"{headroom:.1f} times the largest" in fault.fault
    assert "calibration images like these" in fault.advice
    assert all("the largest activation" in worst.reason for worst in found.worst if worst.site == source.site)


def test_low_thresholds_at_most_sites():
    """Each is called too low although the usual site clips as much."""
    source = _made.setdefault("digits", Digits())
    broken = iso.convert(source.captured, METHODS["percentile"], data=source.data)
    low = [broken.sites[place] for place in (0, 2, 3)]
    for site in low:
        broken = with_threshold(broken, site, 0.2)
    faults = iso.diagnose(source.captured, broken, source.test, steps=8).faults
    assert [fault.name for fault in faults] == low
    assert all("too low" in fault.fault for fault in faults)


def test_high_thresholds_at_two_sites():
    source = _made.setdefault("digits", Digits())
    broken = iso.convert(source.captured, METHODS["percentile"], data=source.data)
    for site in broken.sites[1:3]:
        broken = with_threshold(broken, site, 5.0)
    faults = iso.diagnose(source.captured, broken, source.test, steps=8).faults
    assert [fault.name for fault in faults] == list(broken.sites[1:3])


@pytest.mark.parametrize("iterations", [3, 30])
def test_too_few_iterations_are_named(iterations):
    """Thresholds that still rise clip: 3 iterations leave 12 % of the images right at T = 32, 1000 all of them."""
    source = _made.setdefault("digits", Digits())
    few, more = (
        iso.diagnose(
            source.captured,
            iso.convert(source.captured, iso.methods.LocalThresholdBalancing(iterations=k), data=source.data),
            source.test,
            steps=32,
        )
        for k in (iterations, 10 * iterations)
    )
    asked = f"--iterations {10 * iterations}"
    assert few.worst
    assert all(asked in worst.advice for worst in few.worst if worst.reason.startswith("clipping"))
    assert few.worst[0].reason.startswith("clipping")
    assert all(asked in fault.advice and "too low" in fault.fault for fault in few.faults)
    assert bool(few.faults) is (iterations == 3)
    assert not more.faults
    assert more.measured.value >= few.measured.value
    for before, after in zip(few.sites, more.sites, strict=True):
        assert after.clipping_error < before.clipping_error


def test_enough_iterations_are_not():
    source = _made.setdefault("digits", Digits())
    snn = iso.convert(source.captured, iso.methods.LocalThresholdBalancing(), data=source.data)
    found = iso.diagnose(source.captured, snn, source.test, steps=8)
    assert found.worst
    assert not any("--iterations" in worst.advice for worst in found.worst)


RULES = [("spike-norm", 8, {}), ("rmp", 8, {}), ("calibration-light", 1, {"refine_images": 40}), ("burst", 2, {})]


@pytest.mark.parametrize(("method", "steps", "options"), RULES)
def test_thresholds_as_the_rules_of_methods_choose_them_are_no_faults(method, steps, options):
    """Spike-driven thresholds grow from layer to layer; one bit clips much; bursts need no high threshold."""
    source = _made.setdefault("digits", Digits())
    ((made, _),) = iso.methods.methods[method](**options).for_steps([steps])
    snn = iso.convert(source.captured, made, data=source.data)
    assert iso.diagnose(source.captured, snn, source.test, steps=snn.times.steps or steps).faults == ()


def test_the_accuracies_are_those_of_an_evaluation():
    source = _made.setdefault("digits", Digits())
    snn = iso.convert(source.captured, METHODS["percentile"], data=source.data)
    found = iso.diagnose(source.captured, snn, source.test, steps=2)
    alone = iso.evaluate(snn, source.test, steps=2)
    assert (found.metric, found.measured.value, found.ann.value) == ("score", alone.metric[2], alone.ann)
    unlabelled = iso.diagnose(source.captured, snn, [x for x, _ in source.test], steps=2)
    assert (unlabelled.metric, unlabelled.measured.value) == ("agreement", alone.agreement[2])
    assert unlabelled.ann.value == 1.0


def test_headroom_by_hand():
    """In thresholds, by channel; a tenth of the channels have less."""
    source = _made.setdefault("digits", Digits())
    snn = iso.convert(source.captured, iso.methods.Maximum(granularity="channel"), data=source.data)
    sites = iso.diagnose(source.captured, snn, source.test, steps=4).sites
    folded = iso.fold_batch_norm(source.captured)
    with torch.no_grad():
        largest = torch.cat([folded.get_submodule("stem")(x).relu() for x, _ in source.test]).amax((0, 2, 3))
    theta = snn.graph.get_submodule(sites[0].site).v_threshold.flatten()
    active = largest > 0
    assert sites[0].headroom == pytest.approx((theta[active] / largest[active]).double().quantile(0.1).item())


def test_a_batch_normalisation_left_unfolded(case):
    source, snn, diagnose = case
    (fault,) = diagnose(with_unfolded(snn, source.captured, source.layer)).faults
    assert fault.name == source.norm
    assert f"batch normalisation {source.norm} is not folded into {source.layer}" in fault.fault


@pytest.mark.parametrize(("kept", "dead"), [(0, False), (1, False), (1, True)])
def test_a_dropped_branch(kept, dead, case):
    source, snn, diagnose = case
    if snn.times.calibrated and not dead:
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


def test_an_altered_batch_normalisation_is_named():
    source = _made.setdefault("digits", Digits())
    broken = copy.deepcopy(iso.convert(source.captured, METHODS["percentile"], data=source.data))
    layer = broken.graph.get_submodule(source.layer)
    with torch.no_grad():
        factor = torch.linspace(0.5, 2.0, len(layer.weight))
        layer.weight.mul_(factor[:, None, None, None])
    (fault,) = iso.diagnose(source.captured, broken, source.test, steps=8).faults
    assert fault.name == source.norm
    assert f"the weights of {source.layer} are not those of the model" in fault.fault
    assert f"as those of batch normalisation {source.norm} in it would" in fault.fault


def test_weights_come_before_a_connection_beside_them():
    """What is read twice or not at all may follow from a layer that was exchanged: the layer is named first."""
    source = _made.setdefault("digits", Digits())
    snn = iso.convert(source.captured, METHODS["percentile"], data=source.data)
    join = adds_of(snn.graph)[1]
    node = next(node for node in snn.graph.op_nodes() if op_of(node).name == join)
    beside, *_ = (op_of(source_node).name for source_node in node.all_input_nodes if source_node.op == "call_module")
    broken = without_branch(snn, join, kept=1)
    with torch.no_grad():
        broken.graph.get_submodule(beside).weight[0] += 1
    found = iso.diagnose(source.captured, broken, source.test, steps=8)
    assert [fault.name for fault in found.faults[:2]] == [beside, join]
    assert found.faults[0].fault in found.verdict


@pytest.mark.parametrize("name", ["pascal", "bit-coded"])
def test_networks_on_the_binary_grid(name):
    source = _made.setdefault("digits", Digits())
    snn = iso.convert(source.captured, iso.methods.methods[name](exact=True), data=source.data)
    found = iso.diagnose(source.captured, snn, source.test)
    assert found.faults == ()
    assert all(site.unevenness_error == 0 for site in found.sites)
    faults = iso.diagnose(source.captured, with_unfolded(snn, source.captured, "block2.conv1"), source.test).faults
    assert [fault.name for fault in faults] == ["block2.bn1"]
