"""Many methods side by side: what is shared is done once, and a cell is what the method gives by itself."""

from __future__ import annotations

import csv
import dataclasses
import importlib
import io
import json
import math
import re

import pytest
import torch
from digit_data import Counted, calibration, reported_images

import isospike as iso
from isospike.compare import Cell, Comparison
from isospike.compare.front import pareto_front
from isospike.demo import load_digits_net
from isospike.errors import (
    ConversionError,
    DataError,
    EnergyModelError,
    IsospikeError,
    OptionError,
    OutputError,
    SimulationError,
    UnknownNameError,
)
from isospike.methods import BitCoded, LocalThresholdBalancing, Opt, methods
from networks import NETWORKS

CONVERT = importlib.import_module("isospike.convert")
IMAGES = importlib.import_module("isospike.compare.reference_images")
MODEL = "45nm-fp32"
SHORT = {
    "calibration-advanced": {"iterations": 2, "refine_images": 50},
    "calibration-light": {"refine_images": 50},
    "calibrated-buffered": {"refine_images": 50},
    "ftbc": {"iterations": 2},
    "local-threshold-balancing": {"iterations": 4},
    "spike-norm": {"calibration_steps": 8},
    "rmp": {"calibration_steps": 8},
}
MEASURED = {"conversion_seconds": 0.0, "seconds": 0.0}


def untimed(found: Comparison) -> Comparison:
    return dataclasses.replace(found, cells=tuple(dataclasses.replace(cell, **MEASURED) for cell in found.cells))


@pytest.fixture(scope="module")
def graph() -> iso.Graph:
    return iso.capture(load_digits_net(), calibration()[0][0])


@pytest.fixture(scope="module")
def everything(graph) -> Comparison:
    return iso.compare(graph, calibration(), reported_images(), steps=(2, 8), options=SHORT)


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
        assert (alone.metric[cell.steps], alone.agreement[cell.steps]) == (cell.top1, cell.agreement)
        assert alone.spikes[cell.steps] == cell.spikes
        assert alone.ann == everything.ann_top1
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
    capture, classes_of = CONVERT.capture, IMAGES.classes_of
    monkeypatch.setattr(CONVERT, "capture", lambda *given: captures.append(1) or capture(*given))
    monkeypatch.setattr(IMAGES, "classes_of", lambda ann, x: ann_passes.append(len(x)) or classes_of(ann, x))
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
                options={"rmp": SHORT["rmp"]},
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
    from isospike.compare.entries import all_names

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
    assert (found.images, found.metric) == (images, "top1" if keep_labels else "agreement")
    assert {cell.top1 is None for cell in found.cells} == {not keep_labels}
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


def test_the_front_is_a_front(everything):
    for name in iso.costs.energy_models:
        front, cells = everything.front(name), everything.cells
        points = {id(cell): (cell.accuracy, -cell.energy_pj[name]) for cell in cells}

        def dominated(cell: Cell, points=points) -> bool:
            own = points[id(cell)]
            return any(p != own and p[0] >= own[0] and p[1] >= own[1] for p in points.values())

        members = {id(cell) for cell in front}
        assert {id(cell) for cell in cells if not dominated(cell)} == members
        energies = [cell.energy_pj[name] for cell in front]
        assert energies == sorted(energies)


def test_equal_cells_are_on_the_front_together(everything):
    cell = everything.cells[0]
    assert pareto_front([cell, cell], MODEL) == (cell, cell)
    assert pareto_front([], MODEL) == ()


def test_the_best_is_the_cheapest_that_holds(everything):
    best = everything.best(max_drop=2.0, max_steps=2)
    assert best is not None
    lost = round(everything.ann_accuracy * 120) - 2  # 2 points of 120 images are 2.4
    held = [cell for cell in everything.cells if cell.steps <= 2 and round(cell.accuracy * 120) >= lost]
    assert best.energy_pj[MODEL] == min(cell.energy_pj[MODEL] for cell in held)
    assert everything.best(max_drop=0.0, max_energy=1.0) is None
    with pytest.raises(OptionError, match="max_drop must be at least 0 points"):
        everything.best(max_drop=-1)
    with pytest.raises(UnknownNameError, match="unknown energy model '45nm'"):
        everything.front("45nm")


def test_files(everything, tmp_path):
    everything.save(tmp_path / "c.json")
    assert Comparison.load(tmp_path / "c.json") == everything
    everything.save(tmp_path / "c.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "c.csv").read_text())))
    assert [(row["label"], int(row["steps"]), float(row["top1"])) for row in rows] == [
        (cell.label, cell.steps, cell.top1) for cell in everything.cells
    ]
    assert float(rows[0][f"energy_pj:{MODEL}"]) == everything.cells[0].energy_pj[MODEL]
    with pytest.raises(OutputError, match=r"written to \.json or \.csv"):
        everything.save(tmp_path / "c.txt")
    with pytest.raises(OutputError, match=r"give a file that ends in \.html"):
        everything.report(tmp_path / "c.txt")


NO_COMPARISON = {
    "it lacks format, model": lambda found: {"cells": []},
    "comparison of format 1 but of 2: read it with": lambda found: {**found, "format": 2},
    "images is 0, not a whole number of at least 1": lambda found: {**found, "images": 0},
    "NaN is no number": lambda found: {**found, "ann": {**found["ann"], "top1": math.nan}},
    "ann.top1 is 2, not a number from 0 to 1": lambda found: {**found, "ann": {**found["ann"], "top1": 2}},
    "metric is 'agreement' where ann.top1 is known": lambda found: {**found, "metric": "agreement"},
    r"front names \['none', 2\], which is no cell": lambda found: {**found, "front": [["none", 2]]},
    r"cells\[0\].steps is 0, not": lambda found: {**found, "cells": [{**found["cells"][0], "steps": 0}]},
    r"cells\[0\].agreement is -1, not": lambda found: {**found, "cells": [{**found["cells"][0], "agreement": -1}]},
    r"cells\[0\].agreement is a NoneType": lambda found: {
        **found,
        "cells": [{**found["cells"][0], "agreement": None}],
    },
    r"cells\[0\].top1 is null where": lambda found: {
        **found,
        "front": [],
        "cells": [{**found["cells"][0], "top1": None}],
    },
}


@pytest.mark.parametrize("message", NO_COMPARISON)
def test_what_is_no_comparison_is_not_loaded(message, everything, tmp_path):
    changed = NO_COMPARISON[message](everything.to_dict())
    (tmp_path / "c.json").write_text(json.dumps(changed))
    with pytest.raises(DataError, match=rf"c\.json is no .*{message}") as caught:
        Comparison.load(tmp_path / "c.json")
    assert "\n" not in str(caught.value)


def test_an_unknown_energy_is_on_no_front(everything):
    values = everything.to_dict()
    cheapest = everything.front()[0]
    place = everything.cells.index(cheapest)
    values["cells"][place]["energy_pj"] = {**cheapest.energy_pj, MODEL: None}
    found = Comparison.from_dict(json.loads(json.dumps(values)))
    assert found.front() == pareto_front(everything.cells[:place] + everything.cells[place + 1 :], MODEL)
    assert found.best(max_drop=100) == found.front()[0]


def test_json_names_what_is_documented(everything):
    found = everything.to_dict()
    assert set(found) >= {"model", "ann", "images", "calibration_images", "metric", "energy_model", "cells", "failed"}
    assert set(found) >= {"front", "command", "versions", "seed"}
    assert set(found["model"]) == {"digest", "sites", "macs", "macs_with_padding"}
    assert found["front"] == [[cell.label, cell.steps] for cell in everything.front()]
    assert set(found["cells"][0]) == {field.name for field in dataclasses.fields(Cell)}


class Shuffled:
    """Other images every time."""

    def __init__(self) -> None:
        self.opened = 0

    def __iter__(self):
        self.opened += 1
        return iter(reported_images()[:: 1 if self.opened == 1 else -1])


WRONG = {
    "shuffled": (DataError, "batch 1 of the test data is another one when it is read again", {"test": Shuffled()}),
    "one-shot": (DataError, "every method reads them anew", {"test": iter(reported_images())}),
    "no image": (DataError, "hold no image", {"test": []}),
    "some labels": (
        DataError,
        "only some test batches have labels",
        {"test": [*reported_images(), torch.rand(2, 1, 8, 8)]},
    ),
    "no steps": (OptionError, "steps must be whole numbers", {"steps": []}),
    "zero steps": (OptionError, "steps must be whole numbers", {"steps": [0, 4]}),
    "no method": (OptionError, "no method to compare", {"methods": []}),
    "all and more": (OptionError, "'all' stands for every method and cannot be lis", {"methods": ["all", "burst"]}),
    "unknown method": (UnknownNameError, "unknown method 'maximun'; did you mean maximum", {"methods": ["maximun"]}),
    "twice": (OptionError, "two methods are called maximum", {"methods": ["maximum", methods["maximum"]()]}),
    "a method alone": (OptionError, "methods are a Maximum", {"methods": methods["maximum"]()}),
    "a class": (OptionError, "a method is", {"methods": {"m": methods["maximum"]}}),
    "option of none": (OptionError, "options for burst, which no row", {"options": {"burst": {"largest": 2}}}),
    "no such option": (OptionError, "maximum has no such option", {"options": {"maximum": {"bits": 2}}}),
    "steps of a calibrated method": (
        OptionError,
        "opt: steps are no option here, it is calibrated for those that are compared",
        {"methods": ["opt"], "options": {"opt": {"steps": (8,)}}},
    ),
    "wrong option": (OptionError, "v_init must be in", {"options": {"maximum": {"v_init": 2.0}}}),
    "energy model": (UnknownNameError, "unknown energy model '45nm'", {"energy_model": "45nm"}),
    "name of another energy model": (
        EnergyModelError,
        "the energy model is called loihi, as one that isospike brings; give it another name",
        {"energy_model": iso.costs.EnergyModel("loihi", "measured", mac_pj=3.0, ac_pj=1.0, bits=8)},
    ),
    "no images to account": (OptionError, "account_images must be a whole number of at least 1", {"account_images": 0}),
    "fewer images": (OptionError, "account_images must be a whole number of at least 1", {"account_images": -3}),
    "half an image": (OptionError, "account_images must be a whole number of at least 1", {"account_images": 1.5}),
    "keep": (OptionError, "keep is an int; give the path of a folder", {"keep": 5}),
    "workers": (OptionError, "workers must be a whole number of at least 1", {"workers": 0}),
    "other shape": (IsospikeError, r"a test batch has samples of shape \[3\]", {"test": [torch.zeros(2, 3)]}),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line(name, graph):
    kind, message, changed = WRONG[name]
    given = {"calibration": calibration(), "test": reported_images(), "methods": ["maximum"], "steps": [2], **changed}
    with pytest.raises(kind, match=message) as caught:
        iso.compare(graph, given.pop("calibration"), given.pop("test"), **given)
    assert "\n" not in str(caught.value)


def test_outputs_must_be_classes(captured):
    x = NETWORKS["tuple_output"].inputs(2)
    with pytest.raises(SimulationError, match="not one tensor"):
        iso.compare(captured("tuple_output"), [x], [x], methods=["maximum"], steps=[2])


def test_instances_keep_their_options(graph):
    found = iso.compare(
        graph, calibration(), reported_images(), methods=[LocalThresholdBalancing(iterations=3, delay=0)], steps=[4]
    )
    assert found.cells[0].options["iterations"] == 3
