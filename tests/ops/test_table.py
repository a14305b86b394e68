"""The table of ops is the only list of ops: every stage that meets an op has something for its family."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch import nn

import isospike
from blocks import Network
from isospike.errors import ConversionError, OptionError
from isospike.executors.program import compile_program
from isospike.kernels import SparseConvolution
from isospike.ops import Family, OpRecord, Role, Stage, family, register_op, stages, table
from isospike.ops.rules import always

SOURCE = Path(isospike.__file__).parent
STAGES = {"the linear part", "the exact grid", "the account"}


@pytest.fixture
def unknown_op():
    strange = Family("strange", Role.LINEAR, always(Role.LINEAR))
    yield register_op(OpRecord("digamma", strange))
    table.remove("digamma")


@pytest.mark.parametrize("name", sorted(STAGES))
def test_every_stage_has_something_for_every_op_that_it_meets(name):
    assert stages[name].gaps() == []


def test_a_family_that_nobody_knows_is_a_gap_of_every_stage(unknown_op):
    for name in STAGES:
        assert stages[name].gaps() == [f"{name} has no handler for the family 'strange' of digamma"]
        with pytest.raises(ConversionError, match="strange"):
            stages[name][unknown_op.family]


def test_stages_that_are_enumerated_are_all_there_are():
    assert set(stages) == STAGES


def test_a_stage_of_somebody_else_sees_its_gaps():
    stage = Stage[str]("a stage of a test", lambda record: record.role is Role.MAX_POOL)
    try:
        assert {line.split()[-1] for line in stage.gaps()} == {
            f"{kind}max_pool{n}d" for kind in ("", "adaptive_") for n in (1, 2, 3)
        }
        stage.handles(family.MAX_POOL)("handled")
        assert stage.gaps() == []
        assert stage[family.MAX_POOL] == "handled"
    finally:
        del stages[stage.name]


@pytest.mark.parametrize("record", [OpRecord("relu", family.MOVE), OpRecord("digamma", family.MOVE, aliases=("clip",))])
def test_an_op_is_registered_once(record):
    before = list(table)
    with pytest.raises(OptionError, match="once"):
        register_op(record)
    assert list(table) == before


@pytest.mark.parametrize("name", sorted(table))
def test_a_name_is_an_op_of_torch_or_of_isospike(name):
    record = table[name]
    if record.family is family.TRAINABLE:
        assert hasattr(torch.ops.isospike, name)
        assert table.aten(name) is None or table.aten(name).family is not family.TRAINABLE
    elif name not in ("getitem", "batch_constant", "signed_site"):  # of Python, and of isospike
        for alias in (name, *record.aliases):
            assert table.aten(alias) is record
            assert isinstance(getattr(torch.ops.aten, alias), torch._ops.OpOverloadPacket)


def literals(path: Path) -> list[tuple[int, set[str]]]:
    """Every collection of literal strings in a file."""
    kinds = ast.Set | ast.List | ast.Tuple | ast.Dict
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, kinds):
            items = node.keys if isinstance(node, ast.Dict) else node.elts
            found.append(
                (node.lineno, {i.value for i in items if isinstance(i, ast.Constant) and type(i.value) is str})
            )
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_stage_lists_ops(path):
    """Names that are ATen's and no word of anything else: two of them side by side are a list of ops."""
    words = {
        "linear",
        "channel",
        "round",
        "clip",
        "full",
        "mean",
        "max",
        "sum",
        "split",
        "select",
        "sign",
        "norm",
        "std",
    }
    names = {name for record in table.values() for name in (record.name, *record.aliases)} - words
    if path.relative_to(SOURCE).parts[0] not in ("ops", "tasks"):  # a task names the ops of its tail
        lists = [(line, sorted(found & names)) for line, found in literals(path) if len(found & names) > 1]
        assert lists == []


MOVED = {
    "pixel_shuffle": lambda y: nn.functional.pixel_shuffle(y, 2),
    "pixel_unshuffle": lambda y: nn.functional.pixel_unshuffle(y, 2),
    "stack": lambda y: torch.stack([y, y], 2).flatten(1, 2),
    "getitem": lambda y: y.split(32, 1)[1],
    "unbind": lambda y: y.unflatten(1, (2, 32)).unbind(1)[1],
    "_upsample_nearest_exact2d": lambda y: nn.functional.interpolate(y, scale_factor=2, mode="nearest-exact"),
    "upsample_nearest2d": lambda y: nn.functional.interpolate(y, scale_factor=2),
    "permute": lambda y: y.permute(0, 1, 3, 2),
    "none": lambda y: y,
}


@pytest.mark.parametrize("name", MOVED)
def test_a_convolution_behind_a_move_of_spikes_keeps_the_sparse_kernel(name):
    """A move puts zeros elsewhere, so that what reads it can leave them out (`native/sparse_convolution.c`)."""
    torch.manual_seed(0)
    x, move = torch.randn(2, 3, 8, 8), MOVED[name]
    width = move(torch.zeros(1, 64, 8, 8)).shape[1]
    layers = {"first": nn.Conv2d(3, 64, 3, padding=1), "second": nn.Conv2d(width, 64, 3, padding=1)}
    model = Network(lambda n, x: n.second(move(n.first(x).relu())).relu(), layers).eval()
    snn = isospike.convert(model, isospike.methods.Maximum(), data=[x])
    assert name in ("none", *(op.kind for op in snn.graph.ops))
    program = compile_program(snn.graph, constant_input=True)
    calls = {instruction.node.target: instruction.call for instruction in program.every_step}
    assert isinstance(calls["second"], SparseConvolution)


def zeros_stay() -> list[str]:
    return sorted(name for name, record in table.items() if record.makes_zeros_of_zeros)


def test_what_keeps_zeros_is_linear():
    assert all(table[name].is_additive for name in zeros_stay())
    assert {"movedim", "t", "upsample_nearest3d", *MOVED} - {"none"} <= set(zeros_stay())
