"""One op behind one neuron, called as no captured network calls it: refused by the gate, in one line and at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import isospike as iso
from fuzz.mutations import File
from isospike.errors import ArtefactError
from isospike.targets.artefact.format import FORMAT, VERSION

PLACE = {"path": "", "source": "", "channel_axis": 1, "reason": ""}


def node(name: str, op: str, target: str, args: list[Any], kwargs: list[Any] = (), **info: Any) -> dict[str, Any]:
    arguments = {"args": {"tuple": args}, "kwargs": {"dict": list(kwargs)}}
    return {"name": name, "op": op, "target": target, **arguments, "info": {"name": name, **PLACE, **info}}


def argument(value: Any) -> Any:
    """``x`` is the neurons' output, ``w`` the constant."""
    if value in ("x", "w"):
        return {"node": {"x": "relu", "w": "w"}[value]}
    return [argument(item) for item in value] if isinstance(value, list) else value


def network(
    target: str,
    args: list[Any],
    given: list[int],
    made: list[int],
    role: str = "linear",
    *,
    kind: str | None = None,
    kwargs: dict[str, Any] | None = None,
    constant: torch.Tensor | None = None,
) -> File:
    """A file of ``x -> neurons -> op``, from shape ``given`` to shape ``made``."""
    tensors = {name: torch.ones((), dtype=torch.float64) for name in ("relu.v_threshold", "relu.v_init")}
    nodes = [node("x", "placeholder", "x", [], kind="input", role="input", shape=given)]
    if constant is not None:
        tensors["w"] = constant
        nodes.append(node("w", "get_attr", "w", [], kind="constant", role="linear", shape=list(constant.shape)))
    nodes.append(node("relu", "call_module", "relu", [{"node": "x"}], kind="relu", role="activation", shape=given))
    keywords = [[key, argument(value)] for key, value in (kwargs or {}).items()]
    kind = kind or target.split(".")[1]
    called = [argument(value) for value in args]
    nodes.append(node("op", "call_function", target, called, keywords, kind=kind, role=role, shape=made))
    nodes.append({**node("output", "output", "output", [{"node": "op"}]), "info": None})
    neuron = {"kind": "IntegrateAndFire", "options": {"activation": {"kind": "ReLU", "options": {}}, "bias": False}}
    header = {
        **{"format": FORMAT, "version": VERSION, "nodes": nodes, "modules": {"relu": neuron}, "calibrated": []},
        **{
            "readout": {"delay": 0, "window": 1, "probe": 0},
            "preprocess": None,
            "task": {"name": "classification", "options": {}},
        },
        "provenance": {"method": "maximum", "options": {}, "papers": [], "silent": {}},
    }
    return File(header, tensors)


def load(file: File, path: Path) -> iso.SNN:
    path.write_bytes(file.raw())
    return iso.load(path)


FLOATS = torch.rand(4, 4, 1, dtype=torch.float64)
CALLS: dict[str, tuple[File, str]] = {
    "a view, which strides may forbid": (
        network("aten.view.default", ["x", [-1, 4]], [2, 2], [4]),
        "reshape by aten.reshape.default alone",
    ),
    "a number format as a number": (
        network("aten.view.dtype", ["x", -2], [4], [4], kind="view"),
        "reshape by aten.reshape.default alone",
    ),
    "a number format behind the table": (
        network("aten.sum.dim_IntList", ["x", [1], True], [4], [1], kwargs={"dtype": -3}),
        "must be",
    ),
    "a memory format": (network("aten.squeeze.dim", ["x", -1], [4, 1], [4], kwargs={"memory_format": -1}), "unknown"),
    "a copy": (network("aten.clone.default", ["x"], [4], [4], kwargs={"memory_format": -1}), "not in the table"),
    "millions of parts": (network("aten.unbind.int", ["x", 1], [30_000_000], [1]), "more than 1000 parts"),
    "millions of splits": (network("aten.split.Tensor", ["x", 1, 1], [20_000_000], [1]), "more than 1000 parts"),
    "millions of chunks": (network("aten.chunk.default", ["x", 2**31, 1], [20_000_000], [1]), "more than 1000 parts"),
    "a pool as a call": (
        network("aten.max_pool1d.default", ["x", [2]], [4, 8], [4, 4], "max_pool"),
        "not in the table",
    ),
    "an average as a call": (
        network("aten.adaptive_avg_pool2d.default", ["x", [2, 2]], [4, 8, 8], [4, 2, 2]),
        "not in the table",
    ),
    "a layer as a call": (
        network("aten.conv1d.default", ["x", "w", None, [0]], [4, 8], [4, 8], "analogue", constant=FLOATS),
        "not in the table",
    ),
    "no size": (network("aten.upsample_linear1d.vec", ["x", [0], False, None], [1, 4], [1, 4]), "not one positive"),
    "sizes of other axes": (
        network("aten.upsample_linear1d.default", ["x", [16, 1, 16], False, None], [1, 4], [1, 16]),
        "not one positive",
    ),
    "a softmax into half": (
        network("aten._softmax.default", ["x", 1, True], [4], [4], "analogue", kind="softmax"),
        "cannot be computed",
    ),
    "positions by name": (
        network(
            "aten.index_select.default",
            ["x"],
            [4],
            [2],
            kwargs={"dim": 1, "index": "w"},
            constant=torch.tensor([0, 900_000]),
        ),
        "outside its input",
    ),
    "positions of two axes": (
        network("aten.index_select.default", ["x", 1, "w"], [4], [1], constant=torch.tensor([[0]])),
        "op",
    ),
    "a list as the output": (network("aten.chunk.default", ["x", 2, 1], [4], [2]), "of which none is taken"),
    "a truth value as a number": (network("aten.sub.Scalar", ["x", True, -1], [4], [4]), "must be"),
    "a whole number as a slope": (
        network(
            "aten._prelu_kernel.default",
            ["x", "w"],
            [4],
            [4],
            "analogue",
            kind="prelu",
            constant=torch.ones(4, dtype=torch.int64),
        ),
        "is of type",
    ),
    "running statistics": (
        network(
            "aten.instance_norm.default",
            ["x", None, None, None, "w", True, 0.1, 1e-5, False],
            [4, 8],
            [4, 8],
            "analogue",
            constant=torch.ones(4, dtype=torch.float64),
        ),
        "no captured op has",
    ),
    "an axis twice": (network("aten.norm.ScalarOpt_dim", ["x", 2.0, [1, 1], True], [4], [1], "analogue"), "one twice"),
    "an axis that is not there": (network("aten.softmax.int", ["x", 4], [4], [4], "analogue"), "none that there is"),
    "a mask without axes": (
        network(
            "aten.scaled_dot_product_attention.default",
            ["x", "x", "x", "w"],
            [2, 3],
            [2, 3],
            "analogue",
            constant=torch.zeros((), dtype=torch.float64),
        ),
        "attn_mask has the shape",
    ),
    "a value of gigabytes": (
        network("aten.constant_pad_nd.default", ["x", [2**30, 0]], [4], [2**30 + 4]),
        "more numbers",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_captured_network_calls_an_op_so(name, tmp_path):
    file, match = CALLS[name]
    with pytest.raises(ArtefactError, match=match) as caught:
        load(file, tmp_path / "net.snn")
    assert len(str(caught.value).splitlines()) == 1


def test_the_same_op_as_a_network_calls_it_runs(tmp_path):
    """The negated output of neurons at their threshold: two spikes in two steps."""
    snn = load(network("aten.neg.default", ["x"], [4], [4]), tmp_path / "net.snn")
    answer = iso.simulate(snn, torch.ones(3, 4, dtype=torch.float64), steps=2).output
    assert torch.equal(answer, -torch.ones(3, 4, dtype=torch.float64))


def test_a_bias_without_a_time_axis(tmp_path):
    file = network("aten.neg.default", ["x"], [4], [4])
    file.header["modules"]["relu"]["options"]["bias"] = True
    file.tensors["relu.bias"] = torch.zeros((), dtype=torch.float64)
    with pytest.raises(ArtefactError, match="bias has the shape"):
        load(file, tmp_path / "net.snn")


def test_windows_of_a_pool_are_limited(tmp_path):
    """A thousand by a thousand places at as many positions would keep a core busy for an hour."""
    file = network("aten.neg.default", ["x"], [1, 2000, 2000], [1, 2000, 2000])
    options = {"kernel_size": [2000, 2000], "stride": [1, 1], "padding": [1000, 1000], "ceil_mode": False}
    options |= {"count_include_pad": True, "divisor_override": None}
    file.header["modules"]["pool"] = {"kind": "AvgPool2d", "options": options}
    shape = [1, 2001, 2001]
    pool = node("pool", "call_module", "pool", [{"node": "relu"}], kind="avg_pool2d", role="linear", shape=shape)
    file.header["nodes"][2:3] = [pool]
    file.header["nodes"][-1]["args"] = {"tuple": [{"node": "pool"}]}
    with pytest.raises(ArtefactError, match="windows of 4000000 places"):
        load(file, tmp_path / "net.snn")


@pytest.mark.parametrize("text", ["\u202emaximum", "\x1b]0;own\x07", "\u200b"])
def test_texts_that_a_terminal_would_obey(text, tmp_path):
    file = network("aten.neg.default", ["x"], [4], [4])
    file.header["provenance"]["method"] = text
    with pytest.raises(ArtefactError, match="matching regex"):
        load(file, tmp_path / "net.snn")
    file.header["provenance"] |= {"method": "maximum", "options": {"scale": [text]}}
    with pytest.raises(ArtefactError, match="hold what is no text"):
        load(file, tmp_path / "net.snn")


def test_empty_sets_of_many_steps_cost_nothing(tmp_path):
    file = network("aten.neg.default", ["x"], [4], [4])
    file.header["calibrated"] = list(range(1, 1001))
    assert len(load(file, tmp_path / "net.snn").times.calibrated) == 1000
