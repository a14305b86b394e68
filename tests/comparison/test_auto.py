"""What was chosen holds on the images that chose it, and they neither calibrate nor report."""

from __future__ import annotations

import json

import pytest
import torch
from digit_data import calibration, reported_images

import isospike as iso
from isospike.comparison.choosing import BIT_TRIALS
from isospike.comparison.disjoint import shared_images
from isospike.comparison.limits import Limits
from isospike.comparison.reference_images import ReferenceImages
from isospike.demo import load_digits_net
from isospike.errors import ChoiceError, DataError, OptionError

MODEL = "45nm-fp32"
METHODS = ["bit-coded", "qcfs", "slip-relu"]


@pytest.fixture(scope="module")
def graph() -> iso.Graph:
    return iso.capture(load_digits_net(), calibration()[0][0])


def search(graph, **changed) -> iso.Choice:
    given = {"methods": METHODS, "steps": (2, 3), "report": reported_images(200, 300), **changed}
    data, selection = given.pop("calibration", calibration()), given.pop("selection", reported_images(0, 200))
    return iso.auto(graph, data, selection, **given)


@pytest.fixture(scope="module")
def choice(graph) -> iso.Choice:
    return search(graph, max_drop=1.0)


def right(snn: iso.SNN, images, steps: int) -> int:
    return sum(int((snn(x, steps=steps).argmax(1) == y).sum()) for x, y in images)


def test_the_choice_holds_on_the_selection_images(choice, graph):
    """Counted anew, in whole images: one point of 200 images is two."""
    with torch.no_grad():
        ann = sum(int((graph(x).argmax(1) == y).sum()) for x, y in reported_images(0, 200))
        assert ann - right(choice.snn, reported_images(0, 200), choice.steps) <= 2
        reported = right(choice.snn, reported_images(200, 300), choice.steps)
    assert choice.report is not None
    assert choice.report.score == reported / 100
    assert choice.images == {"calibration": 100, "selection": 200, "report": 100}


def test_nothing_that_is_known_to_hold_is_cheaper(choice):
    least = round(choice.ann["selection"] * 200) - 2
    for one in choice.tried:
        if one.images == 200 and round(one.cell.value * 200) >= least:
            assert choice.cell.energy_pj[MODEL] <= one.cell.energy_pj[MODEL]


def test_the_choice_of_a_search_of_everything_is_the_same(graph, choice):
    """Giving up early loses nothing here: the cheapest uniform network is that of a comparison on all images."""
    uniform = search(graph, max_drop=1.0, bit_trials=0)
    whole = iso.compare(graph, calibration(), reported_images(0, 200), methods=METHODS, steps=(2, 3))
    best = whole.best(max_drop=1.0)
    assert (uniform.cell.label, uniform.steps) == (best.label, best.steps)
    assert (uniform.bit_trials, uniform.cell.energy_pj) == (0, best.energy_pj)
    assert choice.cell.energy_pj[MODEL] <= best.energy_pj[MODEL]


def test_bits_of_sites_are_a_network(choice, graph, tmp_path):
    assert 0 < choice.bit_trials <= BIT_TRIALS
    made = iso.methods.methods[choice.cell.method](**choice.cell.options)
    again = iso.convert(graph, made, data=calibration())
    x = reported_images()[0][0]
    assert torch.equal(again(x, steps=choice.steps), choice.snn(x, steps=choice.steps))
    choice.snn.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(x, steps=choice.steps), choice.snn(x, steps=choice.steps))


@pytest.mark.parametrize("trials", [1, 4])
def test_trials_are_limited(trials, graph):
    assert search(graph, methods=["bit-coded"], steps=(3,), bit_trials=trials).bit_trials <= trials


def test_json_is_plain(choice):
    found = json.loads(json.dumps(choice.to_dict()))
    assert found["selection"]["steps"] == found["steps"] == choice.steps
    assert [found["tried"][place]["label"] for place in found["front"]] == [one.cell.label for one in choice.front()]
    assert [failure["label"] for failure in found["failed"]] == ["slip-relu"]


def test_failed_methods_are_listed(choice):
    assert {failure.label for failure in choice.failed} == {"slip-relu"}


@pytest.mark.parametrize(
    ("sets", "names"),
    [
        ({"report": reported_images(0, 100)}, "100 of 100 images are in the selection and in the report"),
        ({"calibration": reported_images(0, 120)}, "120 of 120 images are in the calibration and in the selection"),
        ({"calibration": reported_images(200, 300)}, "100 of 100 images are in the calibration and in the report"),
        ({"report": [*reported_images(200, 300), *reported_images(0, 5)]}, "5 of 105 images"),
    ],
)
def test_no_image_has_two_purposes(sets, names, graph):
    with pytest.raises(DataError, match=names):
        search(graph, **sets)


def test_a_few_equal_images_are_reported():
    sets = {"a": [bytes([0, i]) for i in range(200)], "b": [bytes([0, 7]), *(bytes([1, i]) for i in range(100))]}
    assert shared_images(sets) == {"a-b": 1}
    with pytest.raises(DataError, match="1 of 1 images are in the a and in the b images"):
        shared_images({"a": [b"0"], "b": [b"0", b"1"]})


def test_without_labels_agreement_must_hold(graph):
    selection, report = ([x for x, _ in reported_images(*part)] for part in ((0, 200), (200, 300)))
    found = search(graph, selection=selection, report=report, max_drop=1.0, bit_trials=0)
    assert (found.metric, found.ann) == ("agreement", {"selection": None, "report": None})
    with torch.no_grad():
        differing = sum(int((graph(x).argmax(1) != found.snn(x, steps=found.steps).argmax(1)).sum()) for x in selection)
    assert differing <= 2


def test_one_image_selects_and_one_reports(graph):
    found = search(graph, selection=reported_images(0, 1), report=reported_images(1, 2), max_drop=0.0, bit_trials=3)
    assert found.images == {"calibration": 100, "selection": 1, "report": 1}
    assert found.cell.score == 1.0


def test_a_method_without_a_step_to_run_has_failed(graph):
    found = search(graph, methods=["srp", "bit-coded"], steps=(3, 4), bit_trials=0)
    assert [(failure.label, failure.steps) for failure in found.failed] == [("srp", None)]
    with pytest.raises(ChoiceError, match="no network could be measured; srp: it needs more than 4 steps, the probe"):
        search(graph, methods=["srp"], steps=(3, 4))


def test_limits_hold(graph):
    cheap = search(graph, max_drop=5.0, max_steps=2, bit_trials=0)
    assert cheap.steps == 2
    energy = cheap.cell.energy_pj[MODEL]
    with pytest.raises(ChoiceError, match=rf"for at most {0.5 * energy:g} pJ; nearest: .*64 images, [0-9.e+]+ pJ\)"):
        search(graph, max_drop=0.0, max_energy=0.5 * energy, bit_trials=0)


def test_nothing_holds(graph):
    with pytest.raises(ChoiceError) as caught:
        search(graph, methods=["maximum"], max_drop=0.5, steps=(2,), max_steps=3)
    text = str(caught.value)
    assert text.startswith("no network is within 0.5 points of the ANN at T <= 3; nearest: maximum at T=2 (")
    assert "isospike train" in text
    assert "\n" not in text
    with pytest.raises(ChoiceError, match=r"no network could be measured; slip-relu: .*no learned bound"):
        search(graph, methods=["slip-relu"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_steps": 0}, "max_steps must be a whole number of at least 1, got 0"),
        ({"max_steps": 1}, "no number of steps to try is at most max_steps, 1"),
        ({"max_drop": -0.1}, "max_drop must be a finite number of at least 0, got -0.1"),
        ({"max_drop": float("nan")}, "max_drop must be a finite number of at least 0, got nan"),
        ({"max_energy": 0}, "max_energy must be a finite number of pJ per image above 0"),
        ({"bit_trials": -1}, "bit_trials must be a whole number of at least 0"),
    ],
)
def test_limits_that_nothing_can_be_within(given, message, graph):
    with pytest.raises(OptionError, match=message):
        search(graph, **given)


def test_no_image_is_left_to_select(graph):
    with pytest.raises(DataError, match="hold no sample"):
        search(graph, selection=[])


@pytest.mark.parametrize(("points", "images", "allowed"), [(0.5, 200, 1), (0.29, 10_000, 29), (1.0, 99, 0), (0, 50, 0)])
def test_points_are_whole_images(points, images, allowed, graph):
    from dataclasses import replace

    reference = ReferenceImages(graph, [reported_images(0, 40)[0][0]])
    cell = search_cell(graph)
    limits = Limits(points, None, None)
    assert limits.holds(replace(cell, score=(images - allowed) / images), reference, images)
    assert not limits.holds(replace(cell, score=(images - allowed - 1) / images), reference, images)
    assert reference.ann(7) == 1


def search_cell(graph):
    return iso.compare(graph, calibration(), reported_images(0, 10), methods=["opi"], steps=[2]).cells[0]
