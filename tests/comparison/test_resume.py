"""A comparison that was broken off goes on with what is missing, and never mixes results."""

from __future__ import annotations

import json
import threading
import time

import pytest
import torch
from digit_data import calibration, reported_images
from test_compare import untimed

import isospike as iso
from isospike.comparison.bench import Bench
from isospike.comparison.workers import work_through
from isospike.demo import load_digits_net
from isospike.errors import OutputError

METHODS = ["maximum", "bit-coded", "opt", "slip-relu"]
STEPS = (2, 4)


class Broken(Exception):
    pass


@pytest.fixture(scope="module")
def graph() -> iso.Graph:
    return iso.capture(load_digits_net(), calibration()[0][0])


@pytest.fixture
def conversions(monkeypatch) -> list[str]:
    made: list[str] = []
    convert = Bench.convert
    monkeypatch.setattr(Bench, "convert", lambda self, job: made.append(job.label) or convert(self, job))
    return made


def run(graph, keep, **changed) -> iso.Comparison:
    given = {"methods": METHODS, "steps": STEPS, **changed}
    data, test = given.pop("calibration", calibration()), given.pop("test", reported_images())
    return iso.compare(given.pop("model", graph), data, test, keep=keep, **given)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_comparison_goes_on(workers, graph, conversions, tmp_path):
    def breaks(label: str, done: int, total: int) -> None:
        assert total == 6  # bit-coded and opt are made for each T, the streaming ones once
        if done == 3:
            raise Broken

    with pytest.raises(Broken):
        run(graph, tmp_path / "kept", progress=breaks, workers=workers)
    kept = len(list((tmp_path / "kept").glob("*.json")))
    assert kept >= 2
    before = len(conversions)
    cells_of = {"maximum": 2, "bit-coded": 1, "opt": 1}
    resumed = run(graph, tmp_path / "kept")
    again = conversions[before:]
    assert kept + sum(cells_of[label] for label in again) == 6
    conversions.clear()
    whole = run(graph, tmp_path / "kept")
    assert conversions == []
    assert untimed(whole) == untimed(resumed) == untimed(run(graph, tmp_path / "new"))
    assert [failure.label for failure in whole.failed] == ["slip-relu"]  # failures are tried again


@pytest.mark.parametrize("error", [KeyboardInterrupt, Broken])
def test_what_has_begun_is_not_lost(error):
    """Two of four jobs run when the first result ends the work; they are handed over, the last one never begins."""
    ended, seen, began = threading.Event(), [], []

    def work(job: int) -> int:
        began.append(job)
        if job and not ended.wait(timeout=60):
            raise TimeoutError
        return job

    def done(job: int, result: int) -> None:
        seen.append(result)
        if job == 0:
            while len(began) < 3:
                time.sleep(0.001)
            raise error

    with pytest.raises(error):
        work_through(range(4), work, done, workers=2, stopping=ended.set)
    assert sorted(began) == sorted(seen) == [0, 1, 2]


def test_more_steps_add_to_what_is_there(graph, conversions, tmp_path):
    run(graph, tmp_path, steps=(2,))
    conversions.clear()
    found = run(graph, tmp_path, steps=(2, 4), methods=["maximum", "bit-coded"])
    assert conversions == ["maximum", "bit-coded"]
    assert untimed(found) == untimed(run(graph, None, steps=(2, 4), methods=["maximum", "bit-coded"]))


def test_other_options_and_energy_models_are_other_cells(graph, conversions, tmp_path):
    rows = {"methods": ["maximum"], "steps": (2,)}
    run(graph, tmp_path, **rows)
    run(graph, tmp_path, **rows, options={"maximum": {"v_init": 0.25}})
    model = iso.costs.EnergyModel("mine", "measured", mac_pj=3.0, ac_pj=1.0, bits=8)
    found = run(graph, tmp_path, **rows, energy_model=model)
    assert conversions == ["maximum"] * 3
    assert found.cells[0].energy_pj["mine"] == 3.0 * found.cells[0].macs + found.cells[0].synops


def test_other_batches_of_the_same_images_are_the_same_data(graph, conversions, tmp_path):
    """One way of cutting them measures, the others find what it kept."""
    x, y = (torch.cat(parts) for parts in zip(*reported_images(), strict=True))
    training = torch.cat([images for images, _ in calibration()])
    for size in (40, 7, 120):
        test = list(zip(x.split(size), y.split(size), strict=True))
        run(graph, tmp_path, methods=["maximum"], calibration=list(training.split(size)), test=test)
        assert conversions == ["maximum"]


def other_weights() -> iso.Graph:
    model = load_digits_net()
    with torch.no_grad():
        model.head.bias[0] += 1e-3
    return iso.capture(model, calibration()[0][0])


def other_labels() -> list[tuple[torch.Tensor, torch.Tensor]]:
    (x, y), *rest = reported_images()
    return [(x, y.roll(1)), *rest]


OTHERS = {
    "model": lambda: {"model": other_weights()},
    "calibration data": lambda: {"calibration": calibration(90)},
    "test data": lambda: {"test": other_labels()},
}


@pytest.mark.parametrize("what", OTHERS)
def test_results_are_never_mixed(what, graph, tmp_path):
    run(graph, tmp_path)
    with pytest.raises(OutputError, match=f"keeps results of another {what} \\([0-9a-f]{{12}}, here [0-9a-f]{{12}}\\)"):
        run(graph, tmp_path, **OTHERS[what]())


def test_results_of_another_version_are_refused(graph, tmp_path):
    run(graph, tmp_path)
    path = sorted(tmp_path.glob("*.cell.json"))[0]
    values = json.loads(path.read_text())
    values["identity"]["version"] = "0.0.1"
    path.write_text(json.dumps(values))
    with pytest.raises(OutputError, match=r"another version of isospike \(0\.0\.1, here"):
        run(graph, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"identity": 1, "cell": 2, "ann_energy_pj": 3}', "[" * 100_000])
def test_a_damaged_file_is_named(text, graph, tmp_path):
    (tmp_path / "x.cell.json").write_text(text)
    with pytest.raises(OutputError, match=r"x\.cell\.json is damaged; delete it"):
        run(graph, tmp_path)


def cell_removed(values) -> None:
    values["cell"].pop("spikes")


EDITS = {
    "a key less": cell_removed,
    "a key more": lambda values: values["cell"].update(more=1),
    "another type": lambda values: values["cell"].update(agreement="abc"),
    "no energy": lambda values: values["cell"].update(energy_pj={}),
    "another figure": lambda values: values["cell"].update(agreement=1.0),
    "other steps": lambda values: values["cell"].update(steps=8),
    "another method": lambda values: values["cell"].update(method="opt"),
    "not finite": lambda values: values["ann_energy_pj"].update({"45nm-fp32": float("nan")}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_file_is_named(edit, graph, tmp_path):
    run(graph, tmp_path, methods=["maximum"], steps=(2,))
    (path,) = tmp_path.glob("*.cell.json")
    values = json.loads(path.read_text())
    EDITS[edit](values)
    path.write_text(json.dumps(values))
    with pytest.raises(OutputError, match=r"maximum-T2-.*\.cell\.json is damaged; delete it"):
        run(graph, tmp_path, methods=["maximum"], steps=(2,))


def test_a_cell_in_the_place_of_another_is_named(graph, tmp_path):
    run(graph, tmp_path, methods=["maximum"], steps=(2, 4))
    two, four = sorted(tmp_path.glob("*.cell.json"))
    four.write_text(two.read_text())
    with pytest.raises(OutputError, match=r"maximum-T4-.*\.cell\.json is damaged; delete it"):
        run(graph, tmp_path, methods=["maximum"], steps=(2, 4))


def test_a_folder_in_a_folder_that_is_not_there(graph, tmp_path):
    with pytest.raises(OutputError, match="cannot keep results in"):
        run(graph, tmp_path / "none" / "kept")
