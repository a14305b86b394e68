"""Many methods side by side: what is shared is done once, and a cell is what the method gives by itself."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re

import pytest
import torch
from digit_data import Counted, calibration, reported_images

import isospike as iso
from isospike.comparison import Comparison
from isospike.demo import load_digits_net
from isospike.errors import (
    ConversionError,
    DataError,
)
from isospike.methods import BitCoded, LocalThresholdBalancing, Opt, methods
from networks import NETWORKS

CONVERT = importlib.import_module("isospike.preparation")
IMAGES = importlib.import_module("isospike.comparison.reference_images")
MODEL = "45nm-fp32"
MEASURED = {"conversion_seconds": 0.0, "seconds": 0.0}


def untimed(found: Comparison) -> Comparison:
    return dataclasses.replace(found, cells=tuple(dataclasses.replace(cell, **MEASURED) for cell in found.cells))


def test_every_method_has_its_cells(everything):
    """Streaming and calibrated ones at every T, probing ones above the probe, emitting ones with T bits or levels."""
    assert everything.failed == ()
    found = {label: [cell.steps for cell in everything.cells if cell.label == label] for label in methods}
    for label, kind in methods.items():
        assert found[label] == ([] if kind.needs_training else [8] if label in ("srp", "cos") else [2, 8])
    assert [cell.label for cell in everything.cells] == sorted(
        (cell.label for cell in everything.cells), key=list(methods).index
    )
    for cell in everything.cells:
        if cell.label in ("bit-coded", "radix", "pascal"):
            assert cell.options.get("bits", cell.options.get("levels")) == cell.steps


@pytest.mark.parametrize("name", ["bit-coded", "maximum", "opt", "srp", "local-threshold-balancing"])
def test_a_cell_is_what_the_method_gives_by_itself(name, everything, graph):
    for cell in (cell for cell in everything.cells if cell.label == name):
        snn = iso.convert(graph, methods[name](**cell.options), data=calibration())
        alone = iso.evaluate(snn, reported_images(), steps=cell.steps)
        assert (alone.metric[cell.steps], alone.agreement[cell.steps]) == (cell.score, cell.agreement)
        assert alone.spikes[cell.steps] == cell.spikes
        assert alone.ann == everything.ann_score
        images = [x for x, _ in reported_images()]
        costs = iso.account(snn, images, steps=cell.steps)[cell.steps]
        assert (costs.total().synops, costs.total().macs) == (cell.synops, cell.macs)
        assert costs.energy(iso.costs.energy_models[MODEL]).total == cell.energy_pj[MODEL]


def test_the_energy_of_the_ann_is_that_of_its_macs(everything, graph):
    """The model of 45 nm has no figure for memory: energy is what its multiply-accumulates take, without padding."""
    assert everything.ann_energy_pj[MODEL] == pytest.approx(4.6 * everything.macs, rel=1e-12)  # one rounding
    assert everything.macs_with_padding == sum(iso.costs.count_macs(graph, reported_images()[0][0][:1]).values())
    assert 0 < everything.macs < everything.macs_with_padding
    reference = iso.costs.reference_costs(iso.convert(graph, methods["maximum"](), data=calibration()))
    assert (everything.macs, everything.macs_with_padding) == (reference.macs, reference.macs_with_padding)


def test_capture_calibration_and_ann_once(monkeypatch):
    captures, ann_passes = [], []
    capture, decided = CONVERT.capture, IMAGES.decided
    monkeypatch.setattr(CONVERT, "capture", lambda *given: captures.append(1) or capture(*given))
    monkeypatch.setattr(IMAGES, "decided", lambda judge, ann, x: ann_passes.append(len(x)) or decided(judge, ann, x))
    training, test = Counted(calibration()), Counted(reported_images())
    watching = ["maximum", "percentile", "qcfs", "opi", "burst", "snm", "bit-coded", "pascal", "opt"]
    unrefined = {name: {"calibrate_bias": False} for name in ("bit-coded", "pascal")}
    found = iso.compare(load_digits_net(), training, test, methods=watching, steps=(2, 4), options=unrefined)
    assert len(found.cells) == 2 * len(watching)
    assert len(captures) == 1
    assert training.opened == 1  # the batch for the capture is the first of the one pass
    assert ann_passes == [40, 40, 40]
    conversions = len(watching) + 3  # bit-coded, pascal and opt are made for each T
    assert test.opened == 1 + 2 * conversions  # the ANN; answers, and operations
    assert found.calibration_images == 100


def test_the_number_of_workers_does_not_matter(graph):
    torch_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # with more, torch adds up in another order
    try:
        one, two = (
            iso.compare(
                graph,
                calibration(),
                reported_images(),
                methods=["maximum", "opt", "rmp", "bit-coded", "cos", "slip-relu"],
                steps=(2, 8),
                options={"rmp": {"calibration_steps": 8}},
                workers=workers,
            )
            for workers in (1, 2)
        )
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(torch_threads)
    assert untimed(one) == untimed(two)
    assert [failure.label for failure in one.failed] == ["slip-relu"]


def test_a_failing_method_does_not_stop_the_others(graph):
    found = iso.compare(graph, calibration(), reported_images(), methods=["slip-relu", "maximum"], steps=[2])
    assert [cell.label for cell in found.cells] == ["maximum"]
    (failure,) = found.failed
    assert (failure.label, failure.steps) == ("slip-relu", 2)
    assert "no learned bound" in failure.error
    with pytest.raises(ConversionError, match=r"^no method could be measured; slip-relu: site .* no learned bound"):
        iso.compare(graph, calibration(), reported_images(), methods=["slip-relu"], steps=[2])


UNANSWERED = {
    "srp": ((2, 4), None, "it needs more than 4 steps, the probe, not T=2 or T=4"),
    "pascal": ((100,), 100, "it takes at most 64 steps where no other number is chosen by bits or levels, not T=100"),
    "bit-coded": ((16,), 16, "it takes at most 8 steps where no other number is chosen by bits or levels, not T=16"),
}


@pytest.mark.parametrize("name", UNANSWERED)
def test_a_method_without_a_step_to_run_has_failed_and_the_others_are_measured(name, graph):
    steps, at, message = UNANSWERED[name]
    found = iso.compare(graph, calibration(), reported_images(), methods=[name, "maximum"], steps=steps)
    assert [cell.label for cell in found.cells] == ["maximum"] * len(steps)
    (failure,) = found.failed
    assert (failure.label, failure.steps) == (name, at)
    assert re.match(message, failure.error)
    with pytest.raises(ConversionError, match=f"^no method could be measured; {name}: {message}"):
        iso.compare(graph, calibration(), reported_images(), methods=[name], steps=steps)


def test_trained_networks_are_compared_with_methods_for_them_too(captured):
    """`all` has the methods that need training where an activation was trained."""
    from isospike.comparison.entries import all_names

    case = NETWORKS["module_relu"]
    trained = iso.quantise(case.build(), iso.activations.QCFS(levels=4), data=[case.inputs(4)])
    assert set(all_names(iso.capture(trained.eval(), case.inputs(2)))) == set(methods)
    assert "slip-relu" not in all_names(captured("module_relu"))


def test_rows_may_have_labels_and_instances(graph):
    rows = {"four": BitCoded(bits=4), "swept": BitCoded(), "by layer": Opt(granularity="layer"), "named": "maximum"}
    found = iso.compare(graph, calibration(), reported_images(), methods=rows, steps=(2, 3))
    assert [(cell.label, cell.steps) for cell in found.cells] == [
        *(("four", 4), ("swept", 2), ("swept", 3), ("by layer", 2), ("by layer", 3), ("named", 2), ("named", 3)),
    ]


@pytest.mark.parametrize("keep_labels", [True, False])
@pytest.mark.parametrize("images", [1, 7])
def test_few_images_without_labels_too(keep_labels, images, graph):
    x, y = reported_images()[0]
    batch = (x[:images], y[:images]) if keep_labels else x[:images]
    found = iso.compare(graph, calibration(), [batch], methods=["bit-coded", "qcfs"], steps=(2, 8))
    assert (found.images, found.metric) == (images, "score" if keep_labels else "agreement")
    assert {cell.score is None for cell in found.cells} == {not keep_labels}
    assert all(round(cell.agreement * images) == cell.agreement * images for cell in found.cells)
    assert Comparison.from_dict(json.loads(found.to_json())) == found
    assert found.best(max_drop=100) is not None


def test_one_tensor_is_one_batch(graph):
    x, training = reported_images()[0][0], calibration()[0][0]
    alone, listed = (iso.compare(graph, training, data, methods=["opi"], steps=(4,)) for data in (x, [x]))
    assert untimed(alone) == untimed(listed)


@pytest.mark.parametrize("kept", [False, True])
def test_calibration_images_are_no_test_images(kept, graph, tmp_path):
    """One of two hundred is counted, two of a hundred are refused: as `auto` does; one pass serves this too."""
    test = reported_images()
    keep = tmp_path / "kept" if kept else None
    one = Counted([*calibration(), test[0][0][:1]])
    found = iso.compare(graph, one, test, methods=["opi"], steps=[2], keep=keep)
    assert (found.shared, one.opened) == ({"calibration-test": 1}, 2 if kept else 1)
    assert found.to_dict()["shared"] == found.shared
    with pytest.raises(DataError, match="2 of 102 images are in the calibration and in the test images"):
        iso.compare(graph, [*calibration(), test[0][0][:2]], test, methods=["opi"], steps=[2])
    assert iso.compare(graph, iter(calibration()), test, methods=["opi"], steps=[2]).shared == {"calibration-test": 0}


def test_instances_keep_their_options(graph):
    found = iso.compare(
        graph, calibration(), reported_images(), methods=[LocalThresholdBalancing(iterations=3, delay=0)], steps=[4]
    )
    assert found.cells[0].options["iterations"] == 3
