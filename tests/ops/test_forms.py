"""Other ways to write a rectifier, a layer, a pool, a move or a constant become what they are, and run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isospike as iso
from blocks import Network
from isospike.errors import CaptureError, ConversionError
from isospike.graphs import Role
from isospike.network import EmittingNetwork

X = torch.randn(4, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
ZERO = torch.zeros(1, dtype=torch.float64)
METHODS = {"streaming": iso.methods.Maximum(), "emitting": iso.methods.BitCoded(bits=4)}


def layers() -> dict[str, Any]:
    return {
        "conv": nn.Conv2d(3, 4, 3, padding=1),
        "head": nn.Linear(4, 5),
        "bias": nn.Parameter(torch.randn(4)),
        "matrix": nn.Parameter(torch.randn(4, 4)),
        "token": nn.Parameter(torch.randn(1, 4, 1, 8)),
        "factor": nn.Parameter(torch.randn(4, 1, 1)),
        "mask": torch.arange(8) > 2,
    }


def model(form: Any) -> nn.Module:
    torch.manual_seed(0)
    return Network(lambda n, x: n.head(form(n, n.conv(x)).mean((2, 3))), layers()).double().eval()


def behind(form: Any) -> nn.Module:
    """The form between a neuron and the head."""
    return model(lambda n, y: form(n, y.relu()))


def check_runs(network: nn.Module, tmp_path, *, analogue: str = "refuse") -> None:
    """Two kinds of networks: converted, saved, loaded, run, accounted for."""
    graph = iso.capture(network, X)
    for method in METHODS.values():
        snn = iso.convert(graph, method, data=[X], analogue=analogue)
        snn.save(tmp_path / "net.snn")
        steps = {} if isinstance(snn, EmittingNetwork) else {"steps": 4}
        answer = snn(X, **steps)
        assert torch.equal(iso.load(tmp_path / "net.snn")(X, **steps), answer)
        assert answer.shape == network(X).shape
        (costs,) = iso.account(snn, [X], **steps).values()
        assert costs.total().spikes > 0


RECTIFIERS = {
    "x * (x > 0)": lambda n, y: y * (y > 0),
    "(x >= 0) * x": lambda n, y: (y >= 0) * y,
    "x * (x > 0).to(type)": lambda n, y: y * (y > 0).to(y.dtype),
    "x * (0 < x)": lambda n, y: y * (y > ZERO),
    "x * ~(x < 0)": lambda n, y: y * ~(y < 0),
    "where(x > 0, x, 0)": lambda n, y: torch.where(y > 0, y, 0),
    "where(x > 0, x, zeros)": lambda n, y: torch.where(y > 0, y, torch.zeros_like(y)),
    "where(x <= 0, 0, x)": lambda n, y: torch.where(y <= 0, ZERO, y),
    "masked_fill(x < 0, 0)": lambda n, y: y.masked_fill(y < 0, 0),
    "maximum(x, zeros)": lambda n, y: torch.maximum(y, torch.zeros_like(y)),
    "x * (x > 0) of two slices": lambda n, y: torch.cat([y[:, :2] * (y[:, :2] > 0), y[:, 2:].relu()], 1),
    "maximum(0, x)": lambda n, y: torch.maximum(ZERO, y),
    "max(x, zeros(1))": lambda n, y: torch.max(y, ZERO),
    "clamp(min=zeros(1))": lambda n, y: y.clamp(min=ZERO),
    "(x + |x|) / 2": lambda n, y: (y + y.abs()) / 2,
    "0.5 * (|x| + x)": lambda n, y: 0.5 * (abs(y) + y),
}


@pytest.mark.parametrize("name", RECTIFIERS)
def test_a_rectifier_is_the_site_of_a_neuron_however_it_is_written(name):
    graph = iso.capture(model(RECTIFIERS[name]), X)
    kinds = [op.kind for op in graph.ops if op.kind not in ("slice", "cat")]
    assert kinds == ["conv2d", *["relu"] * (1 + ("slices" in name)), "mean", "linear"]
    assert graph.sites[0] == "relu"
    assert next(op for op in graph.ops if op.kind == "relu").source.startswith(("test_forms.py:", "blocks.py:"))
    assert torch.equal(graph(X), iso.capture(model(lambda n, y: y.relu()), X)(X))


NO_RECTIFIERS = {
    "another value": lambda n, y: y * (y.flip(2) > 0),
    "the other side": lambda n, y: y * (y < 0),
    "another bound": lambda n, y: y * (y > 0.1),
    "another share": lambda n, y: (y + y.abs()) / 3,
    "the inverse": lambda n, y: 2 / (y + y.abs() + 1),
    "filled with one": lambda n, y: y.masked_fill(y < 0, 1),
    "broadcast": lambda n, y: y + torch.maximum(y[:, :1], ZERO.expand(4, 1, 1)),
}


@pytest.mark.parametrize("name", NO_RECTIFIERS)
def test_what_only_looks_like_a_rectifier_is_none(name, tmp_path):
    graph = iso.capture(behind(NO_RECTIFIERS[name]), X)
    magnitudes = tuple(op.name for op in graph.ops if op.kind == "abs")  # sites as they are
    assert graph.sites == ("relu", *magnitudes)
    assert magnitudes or any(op.role is Role.ANALOGUE for op in graph.ops)
    check_runs(behind(NO_RECTIFIERS[name]), tmp_path, analogue="allow")


LINEAR = {
    "addmm": lambda n, y: torch.addmm(n.bias, y.mean((2, 3)), n.matrix)[..., None, None],
    "einsum": lambda n, y: torch.einsum("bchw,dc->bdhw", y, n.matrix),
    "repeat": lambda n, y: y.repeat(1, 1, 2, 1),
    "tile": lambda n, y: y.tile((1, 1, 1, 2)),
    "expand": lambda n, y: y.mean((2, 3), keepdim=True).expand(-1, -1, 8, 8),
    "expand by the batch": lambda n, y: y.mean((2, 3), keepdim=True).expand(y.shape[0], 4, 8, 8),
    "expand_as": lambda n, y: y.mean((2, 3), keepdim=True).expand_as(y),
    "repeat_interleave": lambda n, y: y.repeat_interleave(2, 2),
    "index of a list": lambda n, y: y[:, [2, 0, 1, 3]],
    "index of two axes": lambda n, y: y[:, :, [0, 1], [0, -1]].unsqueeze(-1),
    "index of a table": lambda n, y: y[:, :, torch.tensor([[0, 1], [2, 3]])].flatten(2, 3),
    "index of a mask": lambda n, y: y[:, :, :, n.mask],
    "im2col": lambda n, y: F.unfold(y, 3, padding=1).reshape(-1, 4, 9, 64),
    "col2im": lambda n, y: F.fold(F.unfold(y, 2), 8, 2),
    "windows": lambda n, y: y.unfold(2, 3, 2).mean(-1),
    "antialiased bilinear": lambda n, y: F.interpolate(y, size=(5, 5), mode="bilinear", antialias=True),
    "antialiased bicubic": lambda n, y: F.interpolate(y, size=(5, 5), mode="bicubic", antialias=True),
    "float and back": lambda n, y: y.float().double(),
    "no casts": lambda n, y: y.to(y.dtype).to(y.device).to("cpu").type_as(n.bias).double(),
    "zeros": lambda n, y: torch.cat([y, torch.zeros(y.shape[0], 4, 1, 8, dtype=y.dtype)], 2),
    "new_zeros": lambda n, y: torch.cat([y, y.new_zeros(y.size(0), 4, 1, 8)], 2),
    "zeros_like": lambda n, y: y + torch.zeros_like(y),
    "ones_like": lambda n, y: y + torch.ones_like(y) * n.factor,
    "a token": lambda n, y: torch.cat([n.token.expand(y.shape[0], -1, -1, -1), y], 2),
    "a constant choice": lambda n, y: torch.where(n.mask, y, 0.5),
    "a constant mask": lambda n, y: y.masked_fill(n.mask, 0.25),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_ops_are_linear_however_they_are_written(name, tmp_path):
    network = behind(LINEAR[name])
    assert {op.role for op in iso.capture(network, X).ops} == {Role.LINEAR, Role.ACTIVATION}
    check_runs(network, tmp_path)


INEXACT = ("einsum", "col2im", "zeros", "new_zeros", "a token")
"""Those whose numbers are on no grid yet."""


@pytest.mark.parametrize("name", LINEAR)
def test_an_exact_network_has_them_exact_or_says_which_it_cannot(name):
    method = iso.methods.BitCoded(bits=4, exact=True)
    if name in INEXACT:
        with pytest.raises(ConversionError, match="exact=True cannot make these ops exact"):
            iso.convert(behind(LINEAR[name]), method, data=[X])
        return
    snn = iso.convert(behind(LINEAR[name]), method, data=[X])
    stepped, collapsed = (iso.simulate(snn, X, executor=way).output for way in ("stepped", "collapsed"))
    assert torch.equal(stepped, collapsed)


POOLS = {
    "space": (lambda n, y: y.amax((2, 3), keepdim=True), lambda y: F.adaptive_max_pool2d(y, 1)),
    "space without axes": (
        lambda n, y: y.amax((-2, -1))[..., None, None],
        lambda y: F.adaptive_max_pool2d(y, 1),
    ),
    "unfolded windows": (
        lambda n, y: y.unfold(2, 3, 2).unfold(3, 2, 1).amax((-1, -2)),
        lambda y: F.max_pool2d(y, (3, 2), (2, 1)),
    ),
    "viewed windows": (
        lambda n, y: y.view(y.shape[0], 4, 4, 2, 4, 2).amax((3, 5)),
        lambda y: F.max_pool2d(y, 2),
    ),
    "values along an axis": (lambda n, y: y.max(2)[0].unsqueeze(2), lambda y: F.max_pool2d(y, (8, 1))),
    "the last axis": (lambda n, y: y.max(3, keepdim=True).values, lambda y: F.max_pool2d(y, (1, 8))),
}


@pytest.mark.parametrize("name", POOLS)
def test_a_maximum_over_space_or_windows_is_a_max_pool(name, tmp_path):
    form, pool = POOLS[name]
    graph = iso.capture(behind(form), X)
    assert [op.role for op in graph.ops].count(Role.MAX_POOL) == 1
    assert Role.ANALOGUE not in {op.role for op in graph.ops}
    assert torch.allclose(graph(X), behind(lambda n, y: pool(y))(X), rtol=0, atol=1e-12)  # sums in another order
    check_runs(behind(form), tmp_path)


def test_windows_are_no_copies():
    kinds = [op.kind for op in iso.capture(behind(POOLS["unfolded windows"][0]), X).ops]
    assert kinds == ["conv2d", "relu", "max_pool2d", "mean", "linear"]


ISLANDS = {
    "rounding": lambda n, y: y.floor() + (3 * y).round() + y.ceil(),
    "a gate": lambda n, y: (y > 0.3).to(y.dtype) * y,
    "a choice": lambda n, y: torch.where(y > 0.2, y, 0.1 * y),
    "a fill": lambda n, y: y.masked_fill(y >= 0.5, 0.5),
    "two values": lambda n, y: torch.maximum(y, y.flip(2)) + torch.max(y, 0.2 * y) - torch.min(y, y.flip(3)),
    "logic": lambda n, y: torch.where((y > 0.1) & (y < 0.5) | ~(y <= 0.7), y, 2 * y),
    "either": lambda n, y: y * ((y > 0.1) ^ (y > 0.4)),
    "equality": lambda n, y: y * (y != 0) + (y == 0).to(y.dtype),
    "whole numbers": lambda n, y: ((4 * y).int() + 1).to(y.dtype) + (8 * y).long() * 0.5,
    "against a mean": lambda n, y: (y > y.mean((2, 3), keepdim=True)) * y,
    "an attention mask": lambda n, y: (n.factor * y).masked_fill(n.mask, float("-inf")).softmax(3) * y,
}


@pytest.mark.parametrize("name", ISLANDS)
def test_masks_and_steps_are_islands(name, tmp_path):
    network = behind(ISLANDS[name])
    with pytest.raises(ConversionError, match="analogue='allow'"):
        iso.convert(network, iso.methods.Maximum(), data=[X])
    check_runs(network, tmp_path, analogue="allow")


def at_every_batch(graph: nn.Module, network: nn.Module) -> None:
    for batch in (1, 2, 5):
        x = torch.randn(batch, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(batch))
        expected: Tensor = network(x).detach()
        assert torch.allclose(graph(x), expected, rtol=0, atol=1e-10 * float(expected.abs().max()))  # as the capture


ALL = {
    **RECTIFIERS,
    **{name: (lambda f: lambda n, y: f(n, y.relu()))(form) for name, form in LINEAR.items()},
    **ISLANDS,
}


@pytest.mark.parametrize("name", [name for name in ALL if name != "float and back"])
def test_the_graph_is_the_model_at_other_batch_sizes(name):
    network = model(ALL[name])
    at_every_batch(iso.capture(network, X), network)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16])
def test_casts_that_wrap_around_are_refused(dtype):
    with pytest.raises(ConversionError, match="casts to a format that wraps around"):
        iso.convert(behind(lambda n, y: y.to(dtype).to(y.dtype)), iso.methods.Maximum(), data=[X], analogue="allow")


def test_a_constant_of_whole_numbers_for_every_sample():
    index = torch.zeros(1, 1, 1, 1, dtype=torch.int64)
    network = behind(lambda n, y: y.gather(3, index.expand(y.shape[0], *y.shape[1:3], 1)) + y)
    with pytest.raises(ConversionError, match="unsupported op: gather"):
        iso.convert(network, iso.methods.Maximum(), data=[X])


def test_an_output_for_the_whole_batch_is_refused():
    with pytest.raises(CaptureError, match="one number for the whole batch"):
        iso.capture(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Total()).eval(), torch.randn(3, 4))


class Total(nn.Module):
    """A sum over everything."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum()


class Casts(nn.Module):
    """Parts in other number formats, as under a ``torch.autocast`` of the model's own."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.conv, self.head = kind, nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "casts":
            return self.head(self.conv(x).bfloat16().relu().float().mean((2, 3)))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.head(self.conv(x).relu().mean((2, 3)))


@pytest.mark.parametrize("kind", ["casts", "autocast"])
def test_a_model_with_casts_is_computed_in_the_format_of_its_input(kind, tmp_path):
    torch.manual_seed(0)
    network, x = Casts(kind).eval(), X.float()
    graph = iso.capture(network, x)
    assert [op.kind for op in graph.ops] == ["conv2d", "relu", "mean", "linear"]
    assert graph(x).dtype is torch.float32
    exact = graph.double()(X)
    assert (exact - network(x).double()).abs().max() < 2**-7 * exact.abs().max()  # bfloat16 has 8 digits
    snn = iso.convert(network, iso.methods.Maximum(), data=[x])
    snn.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(x, steps=4), snn(x, steps=4))


@pytest.mark.parametrize("inside", [False, True])
def test_conversion_inside_an_autocast_is_the_same(inside):
    torch.manual_seed(0)
    network, x = Casts("casts").eval(), X.float()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=inside):
        snn = iso.convert(network, iso.methods.Maximum(), data=[x])
    assert torch.equal(snn(x, steps=4), iso.convert(network, iso.methods.Maximum(), data=[x])(x, steps=4))


@pytest.mark.parametrize(
    "form",
    [
        lambda n, y: y * y.shape[0],
        lambda n, y: y + torch.arange(y.shape[0], dtype=y.dtype).view(-1, 1, 1, 1),
        lambda n, y: y / torch.full((1,), y.shape[0]),
    ],
    ids=["a factor", "a number for each sample", "a tensor of it"],
)
def test_the_size_of_the_batch_is_no_value(form):
    with pytest.raises(CaptureError, match=r"treat(s)? every sample by itself"):
        iso.capture(behind(form), X)
