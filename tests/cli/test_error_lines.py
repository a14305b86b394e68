"""Everything that a user can get wrong is one line on the error stream and exit code 2."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fuzz.mutations import CODE, File
from isospike.cli.main import run
from isospike.targets.artefact import saving

CONVERT = ["convert", "maximum", "m.py:build", "--data", "digits", "--images", "20", "--out", "out.snn"]
DIAGNOSE = ["diagnose", "net.snn", "m.py:build", "--data", "digits", "--images", "20", "--steps", "4"]
EVALUATE = ["evaluate", "net.snn", "--data", "digits", "--images", "20"]
COMPARE = ["compare", "m.py:build", "--data", "digits", "--images", "20", "--methods", "maximum", "--steps", "2"]
AUTO = ["auto", "m.py:build", "--data", "digits", "--methods", "maximum", "--steps", "2", "--out", "out.snn"]


def replaced(arguments: list[str], **values: str) -> list[str]:
    """``arguments`` with other values behind the options named, or with ``method`` and ``model`` replaced."""
    places = {"method": 1, "model": 2, "network": 1}
    found = list(arguments)
    for name, value in values.items():
        if name in places:
            found[places[name]] = value
        else:
            found[found.index(f"--{name}") + 1] = value
    return found


LINES = {
    "unknown-command": ["convrt"],
    "unknown-command-far": ["xyzzy"],
    "unknown-method": replaced(CONVERT, method="maximun"),
    "unknown-method-far": replaced(CONVERT, method="xyzzy"),
    "unknown-method-listed": ["methods", "percentil"],
    "unknown-model-kind": replaced(CONVERT, model="torchvisio:resnet18"),
    "unknown-data": replaced(CONVERT, data="digit"),
    "unknown-factory": replaced(CONVERT, model="m.py:biuld"),
    "no-factory": replaced(CONVERT, model="m.py"),
    "no-model-file": replaced(CONVERT, model="none.py:build"),
    "model-fails": replaced(CONVERT, model="m.py:broken"),
    "model-is-a-number": replaced(CONVERT, model="m.py:number"),
    "unknown-option": [*CONVERT, "--percentile", "99"],
    "option-out-of-range": [*CONVERT, "--v-init", "1.5"],
    "option-no-number": [*CONVERT, "--v-init", "half"],
    "option-no-choice": [*CONVERT, "--granularity", "neuron"],
    "option-unknown-pooling": [*CONVERT, "--pooling", "cumulativ"],
    "bits-seventeen": [*replaced(CONVERT, method="bit-coded"), "--bits", "17"],
    "levels-zero": [*replaced(CONVERT, method="pascal"), "--levels", "0"],
    "bits-and-levels": [*replaced(CONVERT, method="bit-coded"), "--bits", "2", "--levels", "3"],
    "scale-unknown": [*replaced(CONVERT, method="qcfs"), "--scale", "maximun"],
    "scale-not-learned": [*replaced(CONVERT, method="pascal"), "--scale", "learned"],
    "no-model": ["convert", "maximum"],
    "no-out": CONVERT[:-2],
    "no-data": [*CONVERT[:3], "--out", "out.snn"],
    "analogue-refused": replaced(CONVERT, model="m.py:gated"),
    "wrong-channels": replaced(CONVERT, model="m.py:coloured"),
    "data-two-channels": replaced(CONVERT, data="d.py:two_channels"),
    "data-empty": replaced(CONVERT, data="d.py:nothing"),
    "data-not-a-number": replaced(CONVERT, data="d.py:not_a_number"),
    "data-fails-halfway": replaced(CONVERT, data="d.py:halfway"),
    "data-no-images": replaced(CONVERT, data="npz:empty.npz"),
    "data-no-file": replaced(CONVERT, data="npz:none.npz"),
    "images-zero": replaced(CONVERT, images="0"),
    "batch-size-zero": [*CONVERT, "--batch-size", "0"],
    "seed-negative": [*CONVERT, "--seed", "-1"],
    "device-cannot-compute": [*CONVERT, "--device", "meta"],
    "device-unknown": [*CONVERT, "--device", "abacus"],
    "out-no-folder": replaced(CONVERT, out="none/out.snn"),
    "out-is-a-folder": replaced(CONVERT, out="."),
    "weights-missing-keys": [*CONVERT, "--weights", "few.safetensors"],
    "weights-unexpected-keys": [*CONVERT, "--weights", "more.pth"],
    "weights-other-shapes": [*CONVERT, "--weights", "shapes.pt"],
    "model-bare-name": ["inspect", "resnet18"],
    "weights-random": ["compare", "torchvision:squeezenet1_1", *COMPARE[2:]],
    "weights-random-auto": ["auto", "torchvision:squeezenet1_1", *AUTO[2:]],
    "weights-of-nobody": [*CONVERT, "--weights", "DEFAULT"],
    "weights-no-file": [*CONVERT, "--weights", "none.pth"],
    "compare-unknown-method": replaced(COMPARE, methods="maximum,maximun"),
    "compare-unknown-option": [*COMPARE, "--option", "maximum.bits=4"],
    "compare-option-of-another-type": [*COMPARE, "--option", "maximum.v-init=half"],
    "compare-option-of-no-form": [*COMPARE, "--option", "v-init=0.5"],
    "compare-option-of-no-row": [*COMPARE, "--option", "bit-coded.bits=4"],
    "compare-steps-zero": replaced(COMPARE, steps="0,4"),
    "compare-energy-model": [*COMPARE, "--energy-model", "45nm"],
    "compare-same-images": replaced(COMPARE, data="npz:x.npz"),
    "compare-figures-a-file": [*COMPARE, "--out", "c.html", "--figures", "m.py"],
    "demo-out": ["demo", "--out", "demo.json"],
    "compare-out": [*COMPARE, "--out", "c.txt"],
    "compare-keep-no-folder": [*COMPARE, "--keep", "none/kept"],
    "compare-nothing-converts": replaced(COMPARE, methods="slip-relu"),
    "compare-empty": [*COMPARE, "--test-data", "d.py:nothing"],
    "auto-max-steps-zero": [*AUTO, "--max-steps", "0"],
    "auto-no-steps": [*AUTO, "--max-steps", "1"],
    "auto-max-drop": [*AUTO, "--max-drop", "-1"],
    "auto-same-images": replaced(AUTO, data="imagefolder:x"),
    "auto-select-same-images": [*AUTO, "--select-data", "digits"],
    "auto-one-image": [*AUTO, "--images", "1"],
    "auto-no-images": [*AUTO, "--select-data", "d.py:nothing"],
    "inspect-no-shape": ["inspect", "m.py:build"],
    "inspect-shape-zero": ["inspect", "m.py:build", "--shape", "1,0,8"],
    "inspect-shape-words": ["inspect", "m.py:build", "--shape", "one,8,8"],
}
NETWORK_LINES = {
    "steps-zero": [*EVALUATE, "--steps", "0"],
    "steps-negative": [*EVALUATE, "--steps", "4,-2"],
    "steps-no-number": [*EVALUATE, "--steps", "4,many"],
    "steps-empty": [*EVALUATE, "--steps", ""],
    "steps-too-many": [*EVALUATE, "--steps", "4,1000001"],
    "executor-unknown": [*EVALUATE, "--executor", "layers"],
    "evaluate-a-model": replaced(EVALUATE, network="torchvision:resnet18"),
    "evaluate-no-file": replaced(EVALUATE, network="none.snn"),
    "evaluate-folder": ["evaluate", "."],
    "evaluate-truncated": replaced(EVALUATE, network="cut.snn"),
    "evaluate-newer": replaced(EVALUATE, network="newer.snn"),
    "evaluate-older": replaced(EVALUATE, network="older.snn"),
    "inspect-code": ["inspect", "code.snn"],
    "evaluate-cut-weight": replaced(EVALUATE, network="column.snn"),
    "account-a-model": replaced(["account", "net.snn", *EVALUATE[2:]], network="torchvision:resnet18"),
    "evaluate-text": replaced(EVALUATE, network="m.py"),
    "evaluate-empty": replaced(EVALUATE, data="d.py:nothing"),
    "evaluate-not-a-number": replaced(EVALUATE, data="d.py:not_a_number"),
    "evaluate-two-channels": replaced(EVALUATE, data="d.py:two_channels"),
    "evaluate-fails-halfway": replaced(EVALUATE, data="d.py:halfway"),
    "evaluate-uneven": replaced(EVALUATE, data="d.py:uneven"),
    "executor-of-the-other-kind": [*EVALUATE, "--executor", "stepped"],
    "verify-other-sites": ["verify", "net.snn", "m.py:gated", "--data", "digits", "--images", "20"],
    "diagnose-other-model": [*DIAGNOSE[:2], "m.py:gated", *DIAGNOSE[3:]],
    "diagnose-no-steps": DIAGNOSE[:-2],
    "diagnose-steps-zero": [*DIAGNOSE[:-1], "0"],
    "diagnose-empty": replaced(DIAGNOSE, data="d.py:nothing"),
    "evaluate-other-size": [*replaced(EVALUATE, data="npz:none.npz"), "--size", "16"],  # before the data are opened
    "exit-unknown": [*EVALUATE, "--exit", "confidnce", "--threshold", "0.9"],
    "exit-no-threshold": [*EVALUATE, "--exit", "confidence"],
    "exit-two-thresholds": [*EVALUATE, "--exit", "confidence", "--threshold", "0.9", "--choose-on", "digits"],
    "exit-threshold-above-one": [*EVALUATE, "--exit", "confidence", "--threshold", "90"],
    "exit-temperature-zero": [*EVALUATE, "--exit", "entropy", "--threshold", "0.1", "--temperature", "0"],
    "exit-temperature-of-steps": [
        *(*EVALUATE, "--exit", "dynamic-confidence", "--threshold", "0.6", "--temperature", "8"),
    ],
    "exit-left-out": [*EVALUATE, "--threshold", "0.9", "--max-drop", "0.1"],
    "exit-drop-of-no-choice": [*EVALUATE, "--exit", "confidence", "--threshold", "0.9", "--max-drop", "0.1"],
    "exit-drop-above-one": [*EVALUATE, "--exit", "confidence", "--choose-on", "digits", "--max-drop", "2"],
    "exit-same-images": [
        *(*replaced(EVALUATE, data="d.py:listed"), "--exit", "confidence", "--choose-on", "d.py:generated"),
    ],
    "exit-choice-unknown": [*EVALUATE, "--exit", "confidence", "--choose-on", "digit"],
    "evaluate-task-unknown": [*EVALUATE, "--task", "clasification"],
    "evaluate-task-option-unknown": [*EVALUATE, "--task", "regression:metric=psnr"],
    "evaluate-task-of-images": [*EVALUATE, "--task", "regression:measure=psnr"],
    "evaluate-task-measure-unknown": [*EVALUATE, "--task", "regression:measure=ssim"],
    "evaluate-labels-as-values": [*EVALUATE, "--task", "regression"],
}


@pytest.fixture
def weights(files):
    """Weight files of which none fits."""
    from isospike.models import load_model

    state = load_model(f"{files}/m.py:build").model.state_dict()
    save_file({key: value for key, value in state.items() if not key.startswith("7.")}, files / "few.safetensors")
    torch.save({**state, "head.weight": torch.zeros(1)}, files / "more.pth")
    torch.save({**state, "0.weight": torch.zeros(4, 3, 3, 3)}, files / "shapes.pt")
    assert load_file(files / "few.safetensors")


def check(result, name, golden) -> None:
    assert result.code == 2, result.err
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert result.err.endswith("\n")
    golden(f"error-{name}", result.err)


@pytest.mark.parametrize("name", LINES)
def test_error_line(name, cli, golden, files, weights):
    np.savez(files / "empty.npz", images=np.zeros((0, 8, 8, 1), np.uint8))
    before = sorted(path.name for path in files.iterdir())
    check(cli(*LINES[name]), name, golden)
    after = sorted(path.name for path in files.iterdir() if path.name != "__pycache__")
    assert after == [name for name in before if name != "__pycache__"]


@pytest.mark.parametrize("name", NETWORK_LINES)
def test_error_line_of_a_network(name, cli, golden, stored):
    raw = stored.read_bytes()
    (stored.parent / "cut.snn").write_bytes(raw[: len(raw) // 2])
    (stored.parent / "newer.snn").write_bytes(with_version(raw, 99))
    (stored.parent / "older.snn").write_bytes(with_version(raw, 3))
    hostile = File(*saving._read(stored))
    next(node for node in hostile.header["nodes"] if node["op"] == "call_function")["target"] = CODE
    (stored.parent / "code.snn").write_bytes(hostile.raw())
    cut = File(*saving._read(stored))
    weight = max(name for name in cut.tensors if name.endswith(".weight"))
    cut.tensors[weight] = cut.tensors[weight][:, :1]
    (stored.parent / "column.snn").write_bytes(cut.raw())
    check(cli(*NETWORK_LINES[name]), name, golden)


def test_error_line_of_steps_that_a_network_does_not_have(cli, golden, files):
    assert cli(*replaced(CONVERT, method="pascal", out="net.snn")).code == 0
    check(cli(*EVALUATE, "--steps", "2"), "steps-before-the-end", golden)


@pytest.mark.parametrize("threshold", [["--threshold", "0.9"], ["--choose-on", "digits"]])
def test_error_line_of_exits_that_a_network_does_not_have(threshold, cli, golden, files):
    assert cli(*replaced(CONVERT, method="bit-coded", out="net.snn")).code == 0
    check(cli(*EVALUATE, "--exit", "confidence", *threshold), "exit-before-the-end", golden)


@pytest.mark.parametrize("memory", ["0", "-1"])
def test_memory_has_a_least(memory, cli, stored):
    result = cli(*EVALUATE, "--memory", memory)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["convert"]])
def test_a_group_without_a_command_shows_its_help(arguments, cli):
    shown = cli(*arguments)
    help_text = cli(*arguments, "--help").out
    assert help_text.strip() in shown.out + shown.err


def with_version(raw: bytes, version: int) -> bytes:
    (length,) = struct.unpack("<Q", raw[:8])
    outer = json.loads(raw[8 : 8 + length])
    header = json.loads(outer["__metadata__"]["isospike"])
    outer["__metadata__"]["isospike"] = json.dumps({**header, "version": version})
    text = json.dumps(outer).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + raw[8 + length :]


def test_unknown_names_offer_the_nearest(cli, files):
    assert "did you mean convert?" in cli("convrt").err
    assert "did you mean maximum?" in cli(*LINES["unknown-method"]).err
    assert "did you mean torchvision?" in cli(*LINES["unknown-model-kind"]).err
    assert "did you mean digits?" in cli(*LINES["unknown-data"]).err
    assert "did you mean build?" in cli(*LINES["unknown-factory"]).err
    assert "did you mean resnet18" in cli("inspect", "torchvision:resnet19").err
    for command in ("xyzzy", "convert xyzzy"):
        assert "known: " in cli(*command.split()).err


def test_a_bug_is_called_one(cli, files, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("over\nlines")

    monkeypatch.setattr("isospike.cli.inspect.inspect", broken)
    result = cli("inspect", "m.py:build", "--shape", "1,8,8")
    assert result.code == 1
    assert result.err == "error: internal error: ZeroDivisionError: over lines (run again with --debug)\n"


def test_debug_shows_where_an_error_was_raised(cli, files, capsys):
    assert run(["convrt"], debug=True) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback (most recent call last):")
    assert "in get_command" in shown
    assert shown.endswith("error: unknown command 'convrt'; did you mean convert?\n")
