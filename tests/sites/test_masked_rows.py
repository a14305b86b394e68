"""Masks of the most negative number over whole rows: every run computes what torch does, though digits are lost."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import isospike as iso

TOKENS, WIDTH = 5, 8
HOW = {"analogue": "allow", "sites": "products"}
FORMATS = [torch.float64, torch.float32]


class Masked(nn.Module):
    """Attention of one head in which some queries see nothing at all."""

    def __init__(self, kind: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.kind, self.most_negative = kind, torch.finfo(dtype).min
        self.embed, self.qkv, self.out = nn.Linear(4, WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, 3)
        hidden = torch.zeros(TOKENS, TOKENS, dtype=dtype)
        hidden[1] = 1
        hidden[3, 2:] = 1
        self.register_buffer("mask", hidden * self.most_negative)
        self.register_buffer("seen", hidden == 0)

    def forward(self, x):
        q, k, v = self.qkv(self.embed(x)).chunk(3, -1)
        if self.kind == "attention":
            return self.out(F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask))
        scores = q @ k.transpose(1, 2) * 0.35
        if self.kind == "added":
            scores = scores + self.mask
        elif self.kind == "filled":
            scores = scores.masked_fill(~self.seen, self.most_negative)
        elif self.kind == "of the input":  # of a sample of which nothing is to be seen, all rows are masked
            seen = (x.sum(-1) > 0).to(x.dtype)
            scores = scores + ((1 - seen) * self.most_negative).unsqueeze(1)
        return self.out(scores.softmax(-1) @ v)


KINDS = ["added", "filled", "attention", "of the input"]


def made(kind: str, dtype: torch.dtype) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(6, TOKENS, 4, dtype=dtype)
    x[2] = -x[2].abs()
    return Masked(kind, dtype).to(dtype).eval(), x


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_stepped_and_collapsed_runs_have_the_same_codes(kind, dtype):
    model, x = made(kind, dtype)
    snn = iso.convert(model, iso.methods.BitCoded(bits=5), data=[x], **HOW)
    record = iso.Record(codes=True)
    fast, slow = (iso.simulate(snn, x, executor=name, record=record) for name in ("collapsed", "stepped"))
    assert "exp_site" in snn.sites
    for site in snn.sites:
        assert torch.equal(fast.codes[site], slow.codes[site])
        assert torch.equal(fast.spikes[site], slow.spikes[site])
    # sums of at most 24 products, in another order
    assert (fast.output - slow.output).abs().max() <= 100 * torch.finfo(dtype).eps * fast.output.abs().max()
    found = iso.verify(model, snn, [x], progress=False)
    assert found.equal, found.first_difference


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_masked_row_sees_everything_alike(kind, dtype):
    """As in torch: all of its scores are the same number, and so are the codes of its numerators."""
    model, x = made(kind, dtype)
    snn = iso.convert(model, iso.methods.BitCoded(bits=8), data=[x], **HOW)
    for executor in ("collapsed", "stepped"):
        run = iso.simulate(snn, x, executor=executor, record=iso.Record(codes=True))
        row = run.codes["exp_site"][2, 0] if kind == "of the input" else run.codes["exp_site"][0, 1]
        assert (row == snn.neuron("exp_site").levels).all()
        with torch.no_grad():
            # 8 bits of every value that is multiplied
            assert (run.output - model(x)).abs().max() <= 2**-5 * model(x).abs().max()


@pytest.mark.parametrize("method", [iso.methods.Maximum(), iso.methods.Differential()])
@pytest.mark.parametrize("kind", KINDS)
def test_streaming_networks_stay_finite_and_near(kind, method):
    model, x = made(kind, torch.float32)
    snn = iso.convert(model, method, data=[x], **HOW)
    with torch.no_grad():
        few, many = ((snn(x, steps=steps) - model(x)).abs().max() for steps in (4, 64))
    assert many < few
    assert bool(many.isfinite())
