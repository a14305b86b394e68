"""A damaged or hostile file is one error of one line, and a failed save leaves no file."""

from __future__ import annotations

import json
import os
import resource
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import isospike as iso
from isospike import tensor_files
from isospike.errors import ArtefactError, OutputError
from isospike.targets.artefact import saving
from networks import ALL
from short_methods import METHODS


@pytest.fixture
def stored(converted, tmp_path) -> Path:
    converted("max_pools", METHODS["maximum"]).save(tmp_path / "net.snn")
    return tmp_path / "net.snn"


def refused(path: Path, match: str | None = None) -> str:
    with pytest.raises(ArtefactError, match=match) as caught:
        iso.load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message or "the file" in message
    return message


def edit(path: Path, change: Callable[[dict[str, Any]], None], *, hashed: bool) -> None:
    """Change the header of a file; with ``hashed`` as somebody who knows how to hash it again."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    outer = json.loads(raw[8 : 8 + length])
    header = json.loads(outer["__metadata__"]["isospike"])
    change(header)
    if hashed:
        _, tensors = saving._read(path)
        header["hash"] = saving._digest({k: v for k, v in header.items() if k != "hash"}, tensors)
    outer["__metadata__"]["isospike"] = json.dumps(header)
    text = json.dumps(outer).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])


def test_editing_nothing_keeps_the_file_valid(stored):
    edit(stored, lambda header: None, hashed=True)
    assert iso.load(stored).sites == ("relu", "relu#2", "relu#3")


@pytest.mark.parametrize("part", [0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_truncated(stored, part):
    raw = stored.read_bytes()
    stored.write_bytes(raw[: int(part * len(raw))])
    refused(stored)


def test_every_flipped_byte_is_noticed(stored):
    raw = stored.read_bytes()
    for position in range(0, len(raw), max(1, len(raw) // 60)):
        stored.write_bytes(raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :])
        refused(stored)


def test_bytes_behind_the_end(stored):
    stored.write_bytes(stored.read_bytes() + b"more")
    refused(stored)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header["readout"].update(delay=3),
        lambda header: header["provenance"].update(method="percentile"),
        lambda header: header["modules"]["a"]["options"].update(groups=2),
        lambda header: header.update(hash="0" * 64),
        lambda header: header.pop("hash"),
    ],
    ids=["readout", "provenance", "module", "hash", "no hash"],
)
def test_edited_header(stored, change):
    edit(stored, change, hashed=False)
    refused(stored, "changed after it was written")


@pytest.mark.parametrize("hashed", [True, False])
def test_newer_version(stored, hashed):
    edit(stored, lambda header: header.update(version=saving.VERSION + 1), hashed=hashed)
    refused(stored, f"version {saving.VERSION + 1}.*up to {saving.VERSION}.*upgrade")


def test_version_of_before_the_first_release(stored):
    edit(stored, lambda header: header.update(version=1), hashed=True)
    refused(stored, "version 1 of before the first release; convert again")


def _call(target: str) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        node = next(node for node in header["nodes"] if node["op"] == "call_function")
        node["target"] = target

    return change


@pytest.mark.parametrize(
    "target",
    ["aten.foo", "aten.foo.default", "os.system", "aten.relu.nothing", "system", "", "aten.__class__", "getitem.x"],
)
def test_calls_outside_the_table(stored, target):
    edit(stored, _call(target), hashed=True)
    refused(stored, "the file calls")


@pytest.mark.parametrize("target", ["aten.set_.source_Tensor", "aten.resize_.default", "aten.from_file.default"])
def test_ops_of_torch_that_no_network_needs(stored, target):
    edit(stored, _call(target), hashed=True)
    refused(stored, "not in the table")


def _module(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda header: change(header["modules"]["a"])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_module(lambda m: m.update(kind="Module")), "unknown kind 'Module'"),
        (_module(lambda m: m.update(kind="os.system")), "unknown kind 'os.system'"),
        (_module(lambda m: m["options"].update(shell="rm")), "unknown field `shell`"),
        (_module(lambda m: m["options"].pop("kernel_size")), "not a valid network"),
        (_module(lambda m: m["options"].update(groups=7)), "not a valid network"),
        (lambda header: header["nodes"][1].update(op="call_method"), "Invalid enum value .call_method."),
        (lambda header: header["nodes"][1].update(args=[{"tuple": [{"node": "nobody"}]}]), "not a valid network"),
        (lambda header: header["nodes"][1].update(args={"tuple": [{"code": "1"}]}), "unknown kind 'code'"),
        (lambda header: header["nodes"].pop(), None),
        (lambda header: header["nodes"].pop(1), "not a valid network"),
        (lambda header: header.pop("readout"), "not a valid network"),
        (lambda header: header["modules"].pop("a"), None),
        (lambda header: header.update(modules=[]), "not a valid network"),
        (lambda header: header.update(preprocess={"size": 3}), None),
        (lambda header: header["modules"]["ceil"]["options"].update(rule="nobody"), None),
    ],
    ids=[
        "other kind",
        "dotted kind",
        "unknown option",
        "missing option",
        "impossible option",
        "unknown node kind",
        "unknown node",
        "unknown argument",
        "no output node",
        "missing node",
        "no read-out",
        "missing module",
        "modules as a list",
        "bad preprocessing",
        "unknown pooling rule",
    ],
)
def test_hostile_headers(stored, change, match):
    edit(stored, change, hashed=True)
    refused(stored, match)


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_headers_that_are_no_description(stored, value):
    raw = stored.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    outer = json.loads(raw[8 : 8 + length])
    outer["__metadata__"] = {"isospike": json.dumps(value)}
    text = json.dumps(outer).encode()
    stored.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])
    refused(stored)


def test_files_that_are_something_else(tmp_path):
    (tmp_path / "notes.snn").write_text("dear diary\n" * 100)
    refused(tmp_path / "notes.snn", "not a .snn file")
    (tmp_path / "empty.snn").write_bytes(b"")
    refused(tmp_path / "empty.snn")
    refused(tmp_path / "none.snn", "does not exist")
    refused(tmp_path, "is a folder")


def test_a_weight_file_is_no_network(tmp_path):
    save_file(ALL["module_relu"].build().state_dict(), tmp_path / "weights.safetensors")
    refused(tmp_path / "weights.safetensors", "not a .snn file")


def forged(snn: iso.SNN, path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The file of a network with other tensors and their hash."""
    header = {"format": saving.FORMAT, "version": saving.VERSION, **saving._describe(snn)}
    tensors = saving._tensors(snn)
    change(tensors)
    tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    header["hash"] = saving._digest(header, tensors)
    save_file(tensors, path, metadata={"isospike": json.dumps(header)})


FORGERIES: dict[str, Callable[[dict[str, Any]], None]] = {
    "stands for none": lambda tensors: tensors.update({"@2/nothing.bias": torch.zeros(1).double()}),
    "does not fit the graph": lambda tensors: tensors.update({"@2/a.weight": torch.zeros(1).double()}),
    "of several types": lambda tensors: tensors.update({"relu.v_init": torch.zeros(1)}),
    "no numbers": lambda tensors: tensors.update({"relu.v_init": torch.full((4, 1, 1), float("nan")).double()}),
}


@pytest.mark.parametrize("message", FORGERIES)
def test_tensors_that_do_not_fit(message, captured, tmp_path):
    """Of somebody who knows how to hash them."""
    method = iso.methods.CalibrationLight(steps=(2, 5), refine_images=4)
    snn = iso.convert(captured("concat"), method, data=[ALL["concat"].inputs(4)])
    forged(snn, tmp_path / "net.snn", lambda tensors: None)
    assert iso.load(tmp_path / "net.snn").times.calibrated == (2, 5)
    forged(snn, tmp_path / "net.snn", FORGERIES[message])
    refused(tmp_path / "net.snn", message)


def unwritable(snn: iso.SNN, path: Path, match: str) -> None:
    with pytest.raises(OutputError, match=match) as caught:
        snn.save(path)
    assert "\n" not in str(caught.value)


def test_paths_that_cannot_be_written(converted, tmp_path):
    snn = converted("module_relu", METHODS["maximum"])
    (tmp_path / "file").write_text("kept")
    unwritable(snn, tmp_path / "none" / "net.snn", "does not exist")
    unwritable(snn, tmp_path / "file" / "net.snn", "cannot write")
    unwritable(snn, tmp_path, "is a folder")
    assert [child.name for child in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("path", [None, 3, ["net.snn"]])
def test_paths_that_are_none(converted, path):
    with pytest.raises(ArtefactError, match=r"give the \.snn file"):
        iso.load(path)
    with pytest.raises(OutputError, match="give the path of a file"):
        converted("module_relu", METHODS["maximum"]).save(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write into any folder")
def test_folder_without_permission(converted, tmp_path):
    tmp_path.chmod(0o500)
    unwritable(converted("module_relu", METHODS["maximum"]), tmp_path / "net.snn", "permission")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that nobody can create files in")
def test_file_system_that_takes_no_files(converted):
    unwritable(converted("module_relu", METHODS["maximum"]), Path("/proc/net.snn"), "cannot write")


def test_a_full_disk_leaves_the_old_file_and_nothing_else(converted, tmp_path):
    snn, path = converted("module_relu", METHODS["maximum"]), tmp_path / "net.snn"
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        unwritable(snn, path, "cannot write")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old"
    assert [child.name for child in tmp_path.iterdir()] == ["net.snn"]


def test_an_error_while_writing_leaves_nothing(converted, tmp_path, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensor_files, "save_file", broken)
    unwritable(converted("module_relu", METHODS["maximum"]), tmp_path / "net.snn", "No space left on device")
    assert list(tmp_path.iterdir()) == []
