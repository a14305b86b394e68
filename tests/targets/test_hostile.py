"""Files made on purpose: none runs code, reads past the end of a tensor, or fails later than at the gate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import isospike as iso
from fuzz.mutations import CODE, DEEP, File
from isospike.errors import ArtefactError
from isospike.targets.artefact import saving
from networks import ALL
from short_methods import METHODS


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> File:
    path = tmp_path_factory.mktemp("hostile") / "net.snn"
    case = ALL["max_pools"]
    iso.convert(case.build(), METHODS["maximum"], data=[case.inputs(4)]).save(path)
    return File(*saving._read(path))


def refused(file: File, path: Path, match: str) -> None:
    path.write_bytes(file.raw())
    with pytest.raises(ArtefactError, match=match) as caught:
        iso.load(path)
    assert "\n" not in str(caught.value)


def node(file: File, op: str) -> dict[str, Any]:
    return next(node for node in file.header["nodes"] if node["op"] == op)


def test_the_file_itself_is_valid(file, tmp_path):
    (tmp_path / "net.snn").write_bytes(file.raw())
    assert iso.load(tmp_path / "net.snn").sites


@pytest.mark.parametrize("op", ["placeholder", "call_module", "call_function", "output"])
def test_a_target_is_never_code(file, tmp_path, monkeypatch, op):
    """The hole that was: targets were written into the source of the network's forward pass."""
    monkeypatch.chdir(tmp_path)
    hostile = file.copy()
    node(hostile, op)["target"] = CODE
    (tmp_path / "net.snn").write_bytes(hostile.raw())
    if op in ("placeholder", "output"):  # their targets name nothing and are not read
        snn = iso.load(tmp_path / "net.snn")
        assert CODE not in {str(node.target) for node in snn.graph.graph.nodes}
        snn(torch.zeros(1, *snn.graph.input_shape, dtype=torch.float64), steps=1)
    else:
        refused(hostile, tmp_path / "net.snn", "matching regex|not in the table of ops")
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("name", ["a'", 'a"', "a'] = __import__('os')", "a b", "a\n", "forward", "__class__", "graph"])
def test_names_of_modules_are_names(file, tmp_path, name):
    hostile = file.copy()
    called = node(hostile, "call_module")
    hostile.header["modules"][name] = hostile.header["modules"].pop(called["target"])
    for key in [key for key in hostile.tensors if key.startswith(called["target"] + ".")]:
        hostile.tensors[name + key.removeprefix(called["target"])] = hostile.tensors.pop(key)
    called["target"] = called["info"]["name"] = name
    refused(hostile, tmp_path / "net.snn", "matching regex|is one of the network's own")


@pytest.mark.parametrize("key", ["a'", "x=1, **print()", "self", "out", ""])
def test_keys_of_keyword_arguments_are_those_of_the_schema(file, tmp_path, key):
    hostile = file.copy()
    node(hostile, "call_function")["kwargs"] = {"dict": [[key, 1]]}
    refused(hostile, tmp_path / "net.snn", "unknown or twice")


@pytest.mark.parametrize(
    "target",
    [
        *("aten.add.__init__", "aten.add.__class__", "aten.add.op", "aten.add.overloads", "aten.add._schema"),
        *("aten.add.out", "aten.add._dir", "aten.__init__.default", "aten.relu.__call__", "aten.mul.__get__"),
    ],
)
def test_attributes_of_ops_are_no_overloads(file, tmp_path, target):
    hostile = file.copy()
    node(hostile, "call_function")["target"] = target
    refused(hostile, tmp_path / "net.snn", "which this version of torch|not in the table|changes its arguments")


def layer(file: File, kind: str) -> str:
    return next(name for name, module in file.header["modules"].items() if module["kind"] == kind)


def change(key: Callable[[File], str], new: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[File], None]:
    def apply(file: File) -> None:
        file.tensors[key(file)] = new(file.tensors[key(file)])

    return apply


def linear(file: File) -> str:
    return f"{layer(file, 'Linear')}.weight"


def convolution(file: File) -> str:
    return f"{layer(file, 'Conv2d')}.weight"


def bias(file: File) -> str:
    return f"{layer(file, 'Conv2d')}.bias"


def threshold(file: File) -> str:
    return f"{layer(file, 'IntegrateAndFire')}.v_threshold"


DAMAGES = {
    "a linear weight of one column": (change(linear, lambda w: w[:, :1]), "its layer takes"),
    "a convolution weight of one axis": (change(convolution, torch.flatten), "its layer takes"),
    "a bias of one element": (change(bias, lambda b: b[:1]), "its layer takes"),
    "a threshold of whole numbers": (change(threshold, lambda t: t.to(torch.int8)), "of several types"),
    "a threshold of longs": (change(threshold, lambda t: t.long()), "a module has real numbers"),
    "a threshold of another type": (change(threshold, lambda t: t.float()), "of several types"),
    "a threshold of another shape": (change(threshold, lambda t: torch.ones(3, 2, 1, 1).double()), "its input"),
    "a negative threshold": (change(threshold, lambda t: -t), "negative"),
    "an infinite weight": (change(convolution, lambda w: w / 0), "no numbers or infinite"),
    "a weight that is no number": (change(convolution, lambda w: w * float("nan")), "no numbers or infinite"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_tensors_fit_the_module_that_owns_them(file, tmp_path, name):
    hostile = file.copy()
    damage, match = DAMAGES[name]
    damage(hostile)
    refused(hostile, tmp_path / "net.snn", match)


def info(name: str, value: Any) -> Callable[[File], None]:
    return lambda file: node(file, "call_module")["info"].update({name: value})


HEADERS: dict[str, tuple[Callable[[File], None], str]] = {
    "another role": (info("role", "activation"), "what stands there is linear"),
    "another kind": (info("kind", "linear"), r"what stands there is linear \(conv2d\)"),
    "another shape": (info("shape", [4, 9, 9]), "the file says"),
    "an empty axis": (info("shape", [4, 0, 8]), ">= 1"),
    "several rows of a sample": (info("rows", 2), "does not keep the samples of a batch apart"),
    "another name": (info("name", "other"), "modules and constants have their own names"),
    "a source with control characters": (info("source", "\x1b[31mred"), "matching regex"),
    "channels on the batch": (lambda file: _site(file)["info"].update(channel_axis=-4), "on the axis of the batch"),
    "a probe that no neuron runs": (lambda file: file.header["readout"].update(probe=2), "neurons probe for 0"),
    "calibrated twice": (lambda file: file.header.update(calibrated=[2, 2]), "one number of steps twice"),
    "an unknown field": (lambda file: file.header.update(more=1), "unknown field"),
    "options of one number": (lambda file: file.header["provenance"].update(options=3), "Expected `object`"),
    "images of another size": (
        lambda file: file.header.update(preprocess={"size": 9, "mean": [0.0], "std": [1.0]}),
        "its images are made 9 x 9",
    ),
}


def _site(file: File) -> dict[str, Any]:
    return next(node for node in file.header["nodes"] if (node["info"] or {}).get("role") == "activation")


@pytest.mark.parametrize("name", HEADERS)
def test_what_the_header_says_is_true(file, tmp_path, name):
    hostile = file.copy()
    damage, match = HEADERS[name]
    damage(hostile)
    refused(hostile, tmp_path / "net.snn", match)


MIXING = {
    "flip": ("aten.flip.default", [[0]], "along the axis of the batch"),
    "roll of everything": ("aten.roll.default", [[1]], "along the axis of the batch"),
    "cumulative sum": ("aten.cumsum.default", [0], "along the axis of the batch"),
    "negative axis": ("aten.flip.default", [[-4]], "along the axis of the batch"),
    "padded batch": ("aten.constant_pad_nd.default", [[0, 0, 0, 0, 0, 0, 1, -1]], "pads the axis of the batch"),
    "random": ("aten.dropout.default", [0.5, True], "not in the table of ops"),
}


@pytest.mark.parametrize("name", MIXING)
def test_samples_of_a_batch_stay_apart(file, tmp_path, name):
    """Ops that keep the shape and mix the samples, put behind the input."""
    hostile = file.copy()
    target, rest, match = MIXING[name]
    nodes = hostile.header["nodes"]
    first, kind = nodes[0], target.split(".")[1]
    op = {**first["info"], "name": "mixed", "kind": kind, "role": "linear"}
    args = {"tuple": [{"node": first["name"]}, *rest]}
    mixed = {"name": "mixed", "op": "call_function", "target": target, "args": args, "kwargs": {"dict": []}, "info": op}
    nodes.insert(1, mixed)
    nodes[2]["args"] = {"tuple": [{"node": "mixed"}]}
    refused(hostile, tmp_path / "net.snn", match)


def test_a_selection_stays_inside_its_input(tmp_path):
    case = ALL["selected"]
    iso.convert(case.build(), METHODS["maximum"], data=[case.inputs(4)]).save(tmp_path / "net.snn")
    hostile = File(*saving._read(tmp_path / "net.snn"))
    name = next(name for name, tensor in hostile.tensors.items() if tensor.dtype is torch.int64)
    hostile.tensors[name] = hostile.tensors[name] + 100
    refused(hostile, tmp_path / "net.snn", "selects positions outside its input")


def test_a_header_nested_deeply(file, tmp_path):
    hostile = file.copy()
    hostile.header["provenance"]["options"] = DEEP
    refused(hostile, tmp_path / "net.snn", "lie within each other")


TASKS = {
    "none": (None, "Expected `object`"),
    "a task of nobody": ({"name": "exec", "options": {}}, "unknown task 'exec'"),
    "options that it lacks": ({"name": "classification", "options": {"tail": "relu"}}, "has no option 'tail'"),
    "another measure": ({"name": "regression", "options": {"measure": "__class__"}}, "measure must be"),
    "another type": ({"name": "regression", "options": {"peak": "1"}}, "peak must be"),
    "no number": ({"name": "regression", "options": {"peak": 0.0}}, "peak must be a finite number above 0"),
    "one for images": ({"name": "regression", "options": {"measure": "psnr"}}, "for measure=psnr"),
    "nested options": ({"name": "regression", "options": {"measure": ["r2"]}}, "Expected"),
    "many options": ({"name": "regression", "options": {f"o{i}": 1.0 for i in range(99)}}, "length <= 20"),
    "more keys": ({"name": "regression", "options": {}, "code": "print()"}, "unknown field `code`"),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_a_registered_one_that_fits(file, tmp_path, name):
    hostile = file.copy()
    hostile.header["task"], message = TASKS[name]
    refused(hostile, tmp_path / "net.snn", message)
