"""An op of somebody else is one record: it is captured, converted, run, saved, loaded and accounted for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network
from isospike.errors import ArtefactError, ConversionError
from isospike.graphs import Role
from isospike.network import EmittingNetwork
from isospike.ops import OpRecord, family, register_op, table

X = torch.randn(4, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
NEW = {
    "rot90": (OpRecord("rot90", family.MOVE), lambda y: torch.rot90(y, 1, (2, 3)), Role.LINEAR),
    "erfc": (OpRecord("erfc", family.POINTWISE), torch.erfc, Role.ANALOGUE),
    "var_mean": (OpRecord("logcumsumexp", family.STATISTIC), lambda y: torch.logcumsumexp(y, 2), Role.ANALOGUE),
}
METHODS = {"streaming": iso.methods.Maximum(), "emitting": iso.methods.BitCoded(bits=4)}


def model(name: str) -> nn.Module:
    torch.manual_seed(0)
    layers = {"first": nn.Conv2d(3, 8, 3), "second": nn.Conv2d(8, 8, 3), "head": nn.Linear(8, 5)}
    new = NEW[name][1]
    forward = lambda n, x: n.head(n.second(new(n.first(x).relu())).relu().mean((2, 3)))  # noqa: E731
    return Network(forward, layers).double().eval()


@pytest.fixture
def registered(request):
    record = register_op(NEW[request.param][0])
    yield request.param
    table.remove(record.name)


@pytest.mark.parametrize("registered", NEW, indirect=True)
@pytest.mark.parametrize("method", METHODS)
def test_a_record_is_all_that_an_op_needs(registered, method, tmp_path):
    record, _, role = NEW[registered]
    graph = iso.capture(model(registered), X)
    assert [op.role for op in graph.ops if op.kind == record.name] == [role]
    snn = iso.convert(graph, METHODS[method], data=[X], analogue="allow")
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    options = {} if isinstance(snn, EmittingNetwork) else {"steps": 8}
    assert torch.equal(loaded(X, **options), snn(X, **options))
    (costs,) = iso.account(snn, [X], **options).values()
    assert costs.total().synops > 0
    assert any(record.name in line for line in costs.not_counted()) == (role is Role.ANALOGUE)


def test_a_new_move_is_exact_on_the_grid():
    register_op(NEW["rot90"][0])
    try:
        snn = iso.convert(model("rot90"), iso.methods.BitCoded(bits=4, exact=True), data=[X])
        outputs = [iso.simulate(snn, X, executor=name).output for name in ("stepped", "collapsed")]
        assert torch.equal(*outputs)
    finally:
        table.remove("rot90")


def test_without_its_record_it_is_refused_by_name(tmp_path):
    with pytest.raises(ConversionError, match="rot90"):
        iso.convert(model("rot90"), iso.methods.Maximum(), data=[X])
    register_op(NEW["rot90"][0])
    try:
        iso.convert(model("rot90"), iso.methods.Maximum(), data=[X]).save(tmp_path / "net.snn")
    finally:
        table.remove("rot90")
    with pytest.raises(ArtefactError, match="not in the table of ops"):
        iso.load(tmp_path / "net.snn")
