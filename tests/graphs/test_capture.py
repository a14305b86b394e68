"""A captured graph is the model: same values, the user's names, and the model is left alone."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network, leaves
from isospike.graphs import Role
from networks import ALL, NETWORKS

TOLERANCE = 1e-10
"""Of the largest output: the same float64 kernels may sum in another order for another batch size."""


@pytest.mark.parametrize("name", ALL)
def test_graph_equals_the_model_at_three_batch_sizes(name, captured):
    graph, model = captured(name), ALL[name].build()
    for batch in (1, 2, 5):
        x = ALL[name].inputs(batch, seed=batch)
        with torch.no_grad():
            expected, got = model(x), graph(x)
        assert torch.utils._pytree.tree_structure(expected) == torch.utils._pytree.tree_structure(got)
        for a, b in zip(leaves(expected), leaves(got), strict=True):
            assert a.shape == b.shape
            assert (a - b).abs().max() <= TOLERANCE * a.abs().max()


@pytest.mark.parametrize("name", ALL)
def test_sites_have_the_names_of_the_user(name, captured):
    assert captured(name).sites == ALL[name].sites


def test_ops_are_named_after_the_modules(captured):
    names = [op.name for op in captured("reused_relu").ops]
    body = ["block.conv1", "block.bn1", "block.relu", "block.conv2", "block.bn2", "block.add", "block.relu#2"]
    assert names == ["stem", "relu", *body, "mean", "head"]
    paths = {op.name: op.path for op in captured("functional_relu").ops}
    assert paths["body.0.relu"] == "body.0"
    assert paths["body.1.conv"] == "body.1.conv"


@pytest.mark.parametrize("name", ALL)
def test_names_are_unique_and_every_op_knows_its_source_line(name, captured):
    names = [op.name for op in captured(name).ops]
    assert len(set(names)) == len(names)
    for op in captured(name).ops:
        file, _, line = op.source.partition(":")
        assert file in ("networks.py", "blocks.py"), op
        assert line.isdigit(), op


ROLES = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "linear"), Role.LINEAR),
    **dict.fromkeys(("batch_norm", "add", "sub", "cat", "pad", "mean", "avg_pool2d", "reshape"), Role.LINEAR),
    **dict.fromkeys(("upsample_nearest2d", "upsample_bilinear2d", "adaptive_avg_pool2d", "slice"), Role.LINEAR),
    **dict.fromkeys(("relu", "relu6", "hardtanh", "clamp", "clamp_min", "threshold", "prelu"), Role.ACTIVATION),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool2d"), Role.MAX_POOL),
    **dict.fromkeys(("sigmoid", "softmax", "layer_norm", "group_norm", "matmul"), Role.ANALOGUE),
}


@pytest.mark.parametrize("name", ALL)
def test_roles_follow_from_the_op(name, captured):
    for op in captured(name).ops:
        assert op.role is ROLES.get(op.kind, op.role), op
        assert op.role is not Role.UNSUPPORTED, op
    assert any(op.role is Role.ANALOGUE for op in captured(name).ops) == (name not in NETWORKS)


def test_a_product_is_linear_with_a_constant_and_analogue_with_an_activation(captured):
    assert {op.role for op in captured("scaled").ops if op.kind == "mul"} == {Role.LINEAR}
    assert {op.role for op in captured("gated").ops if op.kind == "mul"} == {Role.ANALOGUE}


@pytest.mark.parametrize("divisor", [0.5, torch.tensor(0.5, dtype=torch.float64)], ids=["number", "tensor"])
@pytest.mark.parametrize("rounding", [None, "floor", "trunc"])
def test_a_quotient_is_linear_unless_it_is_rounded(rounding, divisor):
    def forward(n, x):
        return torch.div(n.layer(x).relu(), divisor, rounding_mode=rounding)

    model = Network(forward, {"layer": nn.Linear(3, 4)}).double().eval()
    graph = iso.capture(model, torch.randn(2, 3, dtype=torch.float64))
    (op,) = (op for op in graph.ops if op.kind == "div")
    assert op.role is (Role.LINEAR if rounding is None else Role.ANALOGUE)
    assert op.reason == ("" if rounding is None else "it rounds the quotient")


def test_dropout_leaves_no_op(captured):
    assert not [op for op in captured("method_relu").ops if "dropout" in op.kind]


@pytest.mark.parametrize("name", ["reused_relu", "batch_norms", "scaled"])
def test_model_is_untouched_and_still_trains(name):
    model = ALL[name].build()
    before = copy.deepcopy(model.state_dict())
    graph = iso.capture(model, ALL[name].inputs(2))
    with torch.no_grad():
        for parameter in graph.parameters():
            parameter.add_(1)
    after = model.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not any(module.training for module in model.modules())
    model(ALL[name].inputs(2)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_graph_trains(captured):
    graph = copy.deepcopy(captured("reused_relu"))
    graph(ALL["reused_relu"].inputs(2)).sum().backward()
    assert all(parameter.grad is not None for parameter in graph.parameters())


def test_shared_parameters_stay_shared(captured):
    graph = captured("tuple_output")
    first, second = graph.get_submodule("a"), graph.get_submodule("a#2")
    assert isinstance(first, nn.Conv2d)
    assert first.weight is second.weight
    assert sum(p.numel() for p in graph.parameters()) == sum(
        p.numel() for p in ALL["tuple_output"].build().parameters()
    )


def test_example_of_one_sample_is_enough():
    case = ALL["module_relu"]
    graph, x = iso.capture(case.build(), case.inputs(1)), case.inputs(3)
    with torch.no_grad():
        expected, got = case.build()(x), graph(x)
    assert (expected - got).abs().max() <= TOLERANCE * expected.abs().max()


def test_without_a_line_of_the_user_the_source_is_the_module_path():
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.ReLU(), nn.Sigmoid()), nn.Flatten())
    graph = iso.capture(layers.double().eval(), ALL["module_relu"].inputs(2))
    assert [op.source for op in graph.ops] == [op.path for op in graph.ops] == ["0", "1.0", "1.1", "2"]


class Strided(nn.Module):
    def forward(self, x):
        return torch.ops.aten.as_strided(x.relu(), (x.shape[0], 3, 8, 8), (192, 64, 8, 1))


def test_the_size_of_the_batch_is_placed_where_it_is_used():
    sources = {op.kind: op.source for op in iso.capture(Strided().eval(), ALL["module_relu"].inputs(2)).ops}
    assert set(sources) == {"sym_size", "relu", "as_strided"}
    assert len(set(sources.values())) == 1
    assert sources["relu"].startswith("test_capture.py:")


def test_a_library_that_begins_like_torch_is_not_torch():
    fire = pytest.importorskip("torchvision").models.squeezenet.Fire(3, 2, 4, 4).eval()
    ops = iso.capture(fire, ALL["module_relu"].inputs(2).float()).ops
    assert {op.source.partition(":")[0] for op in ops} == {"squeezenet.py"}


class Squared(nn.Module):
    """A product of one value with itself, which has one source and is no linear op."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        y = self.first(x).relu()
        return self.second(y * y).relu()


def test_a_value_times_itself_is_an_island():
    graph = iso.capture(Squared().eval(), torch.randn(2, 4))
    assert [op.role for op in graph.ops if op.kind == "mul"] == [Role.ANALOGUE]


class OwnNames(nn.Module):
    """Submodules with the names of attributes that a captured graph has, and with letters that no name has."""

    def __init__(self):
        super().__init__()
        self.replace, self.sites = nn.Linear(4, 4), nn.Sequential(nn.ReLU())
        self.ops, self.view = nn.ModuleDict({"a b'": nn.Linear(4, 4)}), nn.ReLU()

    def forward(self, x):
        return self.view(self.ops["a b'"](self.sites(self.replace(x))))


def test_names_of_the_graph_itself_are_left_to_it(tmp_path):
    model, x = OwnNames().eval(), torch.randn(2, 4)
    graph = iso.capture(model, x)
    assert [op.name for op in graph.ops] == ["replace#2", "sites#2.0", "ops#2.a_b_", "view#2"]
    assert torch.equal(graph(x), model(x))
    iso.convert(model, iso.methods.Maximum(), data=[x]).save(tmp_path / "net.snn")
    assert iso.load(tmp_path / "net.snn").sites == ("sites#2.0", "view#2")
