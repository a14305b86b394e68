"""Outputs keep the types of the model's, through conversion, copies and runs; a file keeps dictionaries and tuples."""

from __future__ import annotations

import copy
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

import isospike as iso
from blocks import Network

X = torch.randn(4, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
Pair = namedtuple("Pair", "first second")


class ModelOutput(OrderedDict):
    """As of Hugging Face: an ordered dictionary whose entries are attributes, known to pytree by its type."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


pytree.register_pytree_node(
    ModelOutput,
    lambda output: (list(output.values()), list(output)),
    lambda values, keys: ModelOutput(zip(keys, values, strict=True)),
    serialized_type_name="tests.ModelOutput",
)


@dataclass
class Answer:
    logits: Tensor
    hidden: Tensor | None = None


torch.export.register_dataclass(Answer, serialized_type_name="tests.Answer")

OUTPUTS = {
    "model output": (lambda y: ModelOutput(logits=y, hidden=2 * y), ModelOutput, dict),
    "ordered dictionary": (lambda y: OrderedDict(z=y, a=2 * y), OrderedDict, dict),
    "dataclass": (lambda y: Answer(y, 2 * y), Answer, dict),
    "dataclass with nothing": (lambda y: Answer(y), Answer, dict),
    "named tuple": (lambda y: Pair(y, 2 * y), Pair, tuple),
    "nested": (lambda y: {"a": [y, (2 * y,)], "n": None}, dict, dict),
    "tensor": (lambda y: y, Tensor, Tensor),
}


def check_same(given: Any, wanted: Any) -> None:
    assert type(given) is type(wanted)
    assert pytree.tree_structure(given) == pytree.tree_structure(wanted)


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("method", [iso.methods.Maximum(), iso.methods.BitCoded(bits=4)], ids=["streaming", "emitting"])
def test_outputs_keep_their_type(name, method, tmp_path):
    form, kind, kept = OUTPUTS[name]
    torch.manual_seed(0)
    layers = {"conv": nn.Conv2d(3, 4, 3), "head": nn.Linear(4, 2)}
    model = Network(lambda n, x: form(n.head(n.conv(x).relu().mean((2, 3)))), layers).double().eval()
    wanted = model(X)
    graph = iso.capture(model, X)
    for network in (graph, copy.deepcopy(graph), graph.view(), iso.fold_batch_norm(graph)):
        check_same(network(X), wanted)
    snn = iso.convert(model, method, data=[X])
    steps = {"steps": 4} if method.name() == "maximum" else {}
    for network in (snn, copy.deepcopy(snn)):
        check_same(network(X, **steps), wanted)
    check_same(iso.simulate(snn, X, **steps).output, wanted)
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")(X, **steps)
    assert isinstance(loaded, kept)
    assert kind is kept or not isinstance(loaded, kind)
    leaves = zip(pytree.tree_leaves(loaded), pytree.tree_leaves(snn(X, **steps)), strict=True)
    assert all(torch.equal(a, b) if isinstance(a, Tensor) else a == b for a, b in leaves)
    if kept is dict:
        assert list(loaded) == [key for key in ("logits", "hidden", "z", "a", "n") if key in loaded]
