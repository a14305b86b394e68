"""One way of writing tensors: a full disk is one line wherever they are written, and what was there stays."""

from __future__ import annotations

import json
import resource
import struct
from pathlib import Path

import pytest
import torch
from torch import nn

import isospike as iso
from isospike.errors import OutputError
from isospike.models.quantised import save_quantised
from isospike.refine.journal import Journal
from isospike.tensor_files import TensorFileError, read_header, read_tensors, write_tensors
from isospike.train.checkpoint import Checkpoint, TrainingIdentity
from isospike.train.recipe import Recipe


@pytest.fixture(scope="module")
def graph() -> iso.Graph:
    torch.manual_seed(0)
    return iso.capture(nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 3)).eval(), torch.randn(2, 20))


def checkpoint(graph: iso.Graph, path: Path) -> None:
    state = graph.state_dict()
    identity = TrainingIdentity.of(Recipe(), state, activations=[], images=1, processes=1)
    Checkpoint(identity, [], {f"model.{name}": tensor for name, tensor in state.items()}, {}).save(path)


def journal(graph: iso.Graph, path: Path) -> None:
    begun = Journal(None, graph, [], "")
    begun.path = path
    begun.keep(graph.state_dict())


WRITERS = {
    "network": lambda graph, path: iso.convert(graph, iso.methods.Maximum(), data=[torch.randn(4, 20)]).save(path),
    "quantised": lambda graph, path: save_quantised(
        iso.quantise(graph, iso.activations.QCFS(levels=4), data=[torch.randn(4, 20)]), path
    ),
    "checkpoint": checkpoint,
    "journal": journal,
}


@pytest.mark.parametrize("what", WRITERS)
def test_a_full_disk_is_one_line_and_leaves_the_old_file(what, graph, tmp_path):
    path = tmp_path / "file"
    WRITERS[what](graph, path)
    old = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"^cannot write .*file: .*") as caught:
            WRITERS[what](graph, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(str(caught.value).splitlines()) == 1
    assert path.read_bytes() == old
    assert [child.name for child in tmp_path.iterdir()] == ["file"]


def test_tensors_of_any_layout_come_back(tmp_path):
    whole = torch.arange(24.0).reshape(2, 3, 4)
    tensors = {"whole": whole, "part": whole[:, 1], "turned": whole.transpose(0, 2), "none": torch.zeros(0, 3)}
    tensors |= {"parameter": nn.Parameter(whole), "last": torch.zeros(1, 3, 4, 4).to(memory_format=torch.channels_last)}
    write_tensors(tmp_path / "t", tensors, {"key": "text"})
    assert read_header(tmp_path / "t") == {"key": "text"}
    found = read_tensors(tmp_path / "t")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensor) and found[name].is_contiguous() for name, tensor in tensors.items())


def stored(path: Path, header: str, content: bytes = b"") -> Path:
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + content)
    return path


HEADERS = {
    "nested": "[" * 100_000,
    "no object": "5",
    "no such type": json.dumps({"a": {"dtype": "X8", "shape": [1], "data_offsets": [0, 1]}}),
    "a type that nothing computes with": json.dumps({"a": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}),
    "six bits": json.dumps({"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}),
    "complex": json.dumps({"a": {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]}}),
}


@pytest.mark.parametrize("header", HEADERS)
def test_other_files_are_one_line(header, tmp_path):
    with pytest.raises(TensorFileError) as caught:
        read_tensors(stored(tmp_path / "t", HEADERS[header], bytes({"complex": 8, "six bits": 3}.get(header, 1))))
    assert len(str(caught.value).splitlines()) == 1
