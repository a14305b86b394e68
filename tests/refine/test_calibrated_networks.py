"""Networks that hold the parameters of several numbers of steps."""

from __future__ import annotations

import copy
import inspect
import warnings

import pytest
import torch

import isospike as iso
from isospike.errors import ConversionError, IsospikeWarning, OptionError, SimulationError
from isospike.measure.deviation import with_sites
from isospike.methods import FTBC, CalibrationAdvanced, CalibrationLight, Method, Opt
from networks import NETWORKS

CALIBRATED: list[Method] = [
    Opt(steps=(2, 5)),
    CalibrationLight(steps=(2, 5), refine_images=8),
    CalibrationAdvanced(steps=(2, 5), refine_images=8, iterations=2, refine_batch=2),
    FTBC(steps=(2, 5), neuron="burst"),
]


@pytest.mark.parametrize("method", CALIBRATED, ids=lambda method: method.name())
def test_one_object_holds_several_numbers_of_steps(method, captured, tmp_path):
    case = NETWORKS["max_pools"]
    x = case.inputs(8)
    snn = iso.convert(captured("max_pools"), method, data=[x])
    assert snn.times.calibrated == (2, 5)
    for steps in snn.times.calibrated:
        alone = iso.convert(
            captured("max_pools"), type(method)(**{**snn.provenance.options, "steps": [steps]}), data=[x]
        )
        # thresholds, biases and weights of one number of steps do not know of others
        assert torch.equal(snn(x, steps=steps), alone(x, steps=steps))
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert loaded.times.calibrated == snn.times.calibrated
    twin = copy.deepcopy(snn)
    for steps in snn.times.calibrated:
        for other in (loaded, twin, snn.at(steps)):
            assert torch.equal(other(x, steps=steps), snn(x, steps=steps))
    with torch.no_grad():
        assert torch.equal(loaded.ann()(x), snn.ann()(x))
        assert torch.equal(snn.at(2).ann()(x), snn.ann()(x))
        torch.testing.assert_close(snn.ann()(x), case.build()(x))  # folding rounds


def test_steps_that_were_not_calibrated_are_refused(captured, tmp_path):
    x = NETWORKS["concat"].inputs(4)
    snn = iso.convert(captured("concat"), Opt(steps=(2, 5)), data=[x])
    for call in (lambda: snn(x, steps=4), lambda: snn.at(4), lambda: iso.simulate(snn, x, steps=1)):
        with pytest.raises(SimulationError, match=r"not calibrated for \d steps, but for 2, 5"):
            call()
    with pytest.raises(SimulationError, match=r"calibrated for 2, 5 steps; say which"):
        snn(x)
    picked = snn.at(5)
    first = iso.simulate(picked, x, steps=2)
    rest = iso.simulate(picked, x, steps=3, state=first.state)
    torch.testing.assert_close(rest.output, snn(x, steps=5))  # sums in two parts
    with pytest.raises(SimulationError, match="calibrated for 5 steps, 6 were asked for"):
        picked(x, steps=6)
    with pytest.raises(SimulationError, match="calibrated for 5 steps, 7 were asked for"):
        iso.simulate(picked, x, steps=5, state=first.state)
    assert not hasattr(picked, "at")  # it is one of them
    with pytest.raises(SimulationError, match=r"not calibrated for '5' steps"):
        snn.at("5")
    with pytest.raises(SimulationError, match="pick one"):
        iso.simulate(snn, x, steps=2, state=first.state)
    picked.save(tmp_path / "five.snn")
    assert iso.load(tmp_path / "five.snn").times.calibrated == (5,)
    plain = iso.convert(captured("concat"), iso.methods.Maximum(), data=[x])
    assert plain.times.calibrated == ()
    assert not hasattr(plain, "at")


def test_a_schedule_of_biases_ends(captured):
    x = NETWORKS["concat"].inputs(4)
    snn = iso.convert(captured("concat"), FTBC(steps=(3,)), data=[x]).at(3)
    with pytest.raises(SimulationError, match="3 steps"):
        snn(x, steps=4)


def test_fewer_images_than_asked_for_are_one_warning(captured):
    x = NETWORKS["concat"].inputs(4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = inspect.currentframe().f_lineno + 1
        iso.convert(captured("concat"), CalibrationLight(steps=(2, 3, 4)), data=[x, x])
    assert [str(warning.message) for warning in caught] == [
        "calibration asks for 128 images, the data hold 8: all were used"
    ]
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)  # of the caller, not of this package


@pytest.mark.parametrize("scale", ["maximum", "mmse", "spike-norm"])
def test_thresholds_for_all_steps_are_found_in_one_pass(scale, captured):
    opened: list[None] = []

    class Data:
        def __iter__(self):
            opened.append(None)
            return iter([NETWORKS["concat"].inputs(4)])

    iso.convert(captured("concat"), Opt(steps=(2, 3, 4), scale=scale), data=Data())
    assert len(opened) == 1


@pytest.mark.parametrize("steps", [(), (0,), (4, 2), (4, 4)])
def test_steps_must_rise(steps):
    with pytest.raises(OptionError, match="steps must be rising whole numbers"):
        CalibrationLight(steps=steps)


def test_silent_channels_are_counted(captured, tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2)).double().eval()
    with torch.no_grad():
        model[0].bias[1] = -1e6
    data = torch.randn(8, 4).double()
    for method in (CalibrationLight(steps=(4,), refine_images=8), iso.methods.Buffered(), iso.methods.SNM()):
        snn = iso.convert(model, method, data=[data])
        assert snn.provenance.silent[snn.sites[0]] >= 1
        theta = snn.graph.get_submodule(snn.sites[0]).v_threshold
        assert theta[1] == theta.max() > 1e-3  # what comes through later is coarse, not worthless
        run = iso.simulate(snn, data, steps=4)
        assert run.output.isfinite().all()
        snn.save(tmp_path / "net.snn")
        assert iso.load(tmp_path / "net.snn").provenance.silent == snn.provenance.silent


@torch.no_grad()
@pytest.mark.parametrize("method", [iso.methods.Maximum(), iso.methods.BitCoded(), CalibrationLight(steps=(16,))])
def test_a_silent_layer_speaks_when_images_drive_it(method):
    """No calibration image reaches the second layer; others do, and come through coarsely instead of not at all."""
    torch.manual_seed(0)
    linear = torch.nn.Linear
    model = torch.nn.Sequential(linear(8, 16), torch.nn.ReLU(), linear(16, 16), torch.nn.ReLU(), linear(16, 3)).double()
    x = 4 * torch.rand(32, 8).double()
    model[2].bias -= model[:3](x / 4).max() + 1e-3
    with pytest.warns(IsospikeWarning, match="every threshold at 3 came out as zero and is now the largest"):
        snn = iso.convert(model.eval(), method, data=[x / 4])
    assert snn.provenance.silent["3"] >= 1
    probed = snn.with_graph(with_sites(snn.graph))
    _, (_, second) = iso.simulate(probed, x, steps=snn.times.steps or 16).output
    saturation = max(snn.graph.get_submodule(site)(torch.full((1, 16), 1e9).double()).max() for site in snn.sites)
    assert 0 < second.max() <= saturation
    assert model[:4](x).max() > 0


@pytest.mark.parametrize("method", [iso.methods.Maximum(), CalibrationLight(steps=(2,))])
def test_a_checkpoint_that_would_stay_empty_is_refused(method, captured, tmp_path):
    x = NETWORKS["module_relu"].inputs(4)
    with pytest.raises(OptionError, match=f"^{method.name()} has no long refinement to keep in a checkpoint; leave"):
        iso.convert(captured("module_relu"), method, data=[x], checkpoint=tmp_path / "c.safetensors")
    assert not (tmp_path / "c.safetensors").exists()


def test_weights_of_hard_reset_neurons_are_not_trained(captured):
    method = CalibrationAdvanced(steps=(2,), refine_images=4, iterations=2, refine_batch=2, neuron="hard-reset")
    with pytest.raises(
        ConversionError, match="knows neurons with soft reset, 'relu' has HardReset neurons; leave it out"
    ):
        iso.convert(captured("module_relu"), method, data=[NETWORKS["module_relu"].inputs(4)])


def test_more_images_than_there_are_take_no_more_memory(captured):
    x = NETWORKS["module_relu"].inputs(4)
    few, many = (CalibrationAdvanced(steps=(2,), refine_images=n, iterations=2, refine_batch=2) for n in (4, 10**15))
    with pytest.warns(IsospikeWarning, match=f"asks for {10**15} images, the data hold 4"):
        made = iso.convert(captured("module_relu"), many, data=[x])
    assert torch.equal(made(x, steps=2), iso.convert(captured("module_relu"), few, data=[x])(x, steps=2))


@pytest.mark.parametrize("scale", ["maximum", "percentile", "learned"])
def test_levels_are_for_rules_that_depend_on_them(scale):
    with pytest.raises(OptionError, match=f"^buffered: levels must be left out with the scale {scale}, .*got 3$"):
        iso.methods.Buffered(scale=scale, levels=3)
    assert iso.methods.Buffered(scale="mmse", levels=3).parts().scale.otherwise.levels == 3


def test_a_percentile_of_zero_is_named():
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).double().eval()
    with torch.no_grad():
        model[0].bias -= 1.0  # active in few places
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)).double()
    with pytest.warns(IsospikeWarning, match="its percentile is zero"):
        iso.convert(model, iso.methods.Percentile(percentile=1.0), data=[x])
