"""Networks whose batch is not on the first axis in between are captured with the batch first, and run."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import isospike as iso
from blocks import Network
from isospike.graphs import Role

X = torch.randn(3, 8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
"""Samples of eight positions with four features."""


def layers() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {
        "first": nn.Linear(4, 6),
        "qkv": nn.Linear(6, 18),
        "last": nn.Linear(6, 2),
        "token": nn.Parameter(torch.randn(1, 1, 6)),
        "place": nn.Parameter(torch.randn(9, 1, 6)),
        "table": nn.Parameter(torch.randn(7, 2)),
        "spots": torch.arange(4)[:, None] - torch.arange(4)[None, :] + 3,
        "attention": nn.MultiheadAttention(6, 2),
    }


def heads(n, y):
    """Query, key and value with the batch on the second axis: ``[3, B, heads, S, D]``."""
    return n.qkv(y).reshape(y.shape[0], y.shape[1], 3, 2, 3).permute(2, 0, 3, 1, 4).unbind(0)


def attended(n, y):
    q, k, v = heads(n, y)
    return ((q @ k.transpose(-2, -1)).softmax(-1) @ v).transpose(1, 2).flatten(2)


def windowed(n, y):
    """Two windows of four positions, rolled, with a table of relative places and a mask for each window."""
    b = y.shape[0]
    windows = torch.roll(y, -2, 1).view(b, 2, 4, 6).reshape(b * 2, 4, 6)
    q, k, v = heads(n, windows)
    scores = q @ k.transpose(-2, -1) + n.table[n.spots].permute(2, 0, 1)
    mask = torch.zeros(2, 4, 4, dtype=y.dtype)
    mask[1, :2, 2:] = -100.0
    scores = (scores.view(b, 2, 2, 4, 4) + mask[:, None]).view(-1, 2, 4, 4)
    z = (scores.softmax(-1) @ v).transpose(1, 2).reshape(b * 2, 4, 6)
    return torch.roll(z.view(b, 2, 4, 6).reshape(b, 8, 6), 2, 1)


def position_first(n, y):
    """``[S, B, E]``, as rows of all positions ``[S * B, E]`` and back."""
    z = y.transpose(0, 1)
    z = torch.cat([n.token.expand(1, z.shape[1], -1), z]) + n.place
    rows = z.reshape(-1, 6) * 2.0
    return rows.reshape(z.shape).transpose(0, 1)


def rotated(n, y):
    angle = torch.arange(y.shape[1], dtype=y.dtype)[:, None] * torch.tensor([1.0, 0.5, 0.1] * 2, dtype=y.dtype)
    half = torch.cat([-y[..., 3:], y[..., :3]], -1)
    return y * angle.cos() + half * angle.sin()


def written_over(n, y):
    z = y.clone()
    z[:, 1:3] = y[:, 3:5] * 2
    z[:, :, 0] = y[:, :, 1]
    return z


FORMS = {
    "attention of heads": attended,
    "windows": windowed,
    "positions first": position_first,
    "rotary factors": rotated,
    "slices written over": written_over,
    "MultiheadAttention": lambda n, y: n.attention(*[y.transpose(0, 1)] * 3)[0].transpose(0, 1),
    "attention in one call": lambda n, y: F.scaled_dot_product_attention(*heads(n, y)).transpose(1, 2).flatten(2),
    "a class token": lambda n, y: torch.cat([n.token.expand(y.shape[0], -1, -1), y], 1) + n.place[:, 0],
    "the batch last": lambda n, y: y.permute(1, 2, 0).mul(2.0).flip(0).softmax(0).permute(2, 0, 1),
    "a stack": lambda n, y: torch.stack([y, 2 * y]).sum(0),
    "letters": lambda n, y: torch.einsum("sbc,sbd->bcd", *[y.transpose(0, 1)] * 2),
    "a matrix for each position": lambda n, y: (y.transpose(0, 1) @ n.place[:8].expand(8, 6, 6)).transpose(0, 1),
    "padding": lambda n, y: F.pad(y.transpose(0, 1), (1, 0, 0, 0, 2, 0)).transpose(0, 1)[..., 1:],
    "repeats": lambda n, y: y.transpose(0, 1).unsqueeze(1).repeat(1, 2, 1, 1).sum(1).transpose(0, 1),
}


def model(form) -> nn.Module:
    return Network(lambda n, x: n.last(form(n, n.first(x).relu()).mean(1)), layers()).double().eval()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_it_is_captured_with_the_batch_first_at_any_size(form):
    network = model(form)
    graph = iso.capture(network, X)
    assert graph.unsupported == ()
    for batch in (X[:1], X[torch.tensor([2, 0, 1])], X.repeat(3, 1, 1)[:7]):
        assert torch.allclose(graph(batch), network(batch), rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_is_converted_of_it_runs_and_is_one_network_in_a_file(form, tmp_path):
    snn = iso.convert(model(form), iso.methods.BitCoded(bits=4), data=[X], analogue="allow", sites="rectifiers")
    stepped, collapsed = (iso.simulate(snn, X, executor=name) for name in ("stepped", "collapsed"))
    assert all(torch.equal(stepped.spikes[site], collapsed.spikes[site]) for site in snn.sites)
    assert torch.allclose(stepped.output, collapsed.output, rtol=0, atol=1e-12)
    alone = torch.cat([snn(X[i : i + 1]) for i in (2, 0, 1)])
    assert torch.allclose(snn(X[torch.tensor([2, 0, 1])]), alone, rtol=0, atol=1e-12)
    snn.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(X), snn(X))


def test_a_product_over_the_batch_is_refused():
    graph_of = {"scores of all samples": lambda n, y: (y.transpose(0, 1) @ y.permute(1, 2, 0)).sum(-1).transpose(0, 1)}
    for form in graph_of.values():
        with pytest.raises(iso.IsospikeError):
            iso.convert(model(form), iso.methods.BitCoded(), data=[X], analogue="allow")


def test_windows_are_rows_of_a_sample():
    graph = iso.capture(model(windowed), X)
    assert {op.rows for op in graph.ops} == {1, 2}
    assert not graph.nodes_with(Role.UNSUPPORTED)
