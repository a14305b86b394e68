"""Streaming attention behind a mask of the smallest number or minus infinity: ``t f(m_t)`` overflows, its mean not."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import isospike as iso

ROWS = 6
SMALLEST = torch.finfo(torch.float32).min


class Causal(nn.Module):
    """Attention that sees what came before and is not padding."""

    def __init__(self, hidden: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.qkv, self.last = hidden, nn.Linear(8, 24), nn.Linear(8, 4)

    def forward(self, x, mask):
        q, k, v = self.qkv(x).chunk(3, -1)
        seen = mask[:, None, :].bool() & torch.ones(ROWS, ROWS).tril().bool()
        scores = torch.where(seen, 3 * q @ k.transpose(1, 2), self.hidden)
        return self.last(scores.softmax(-1) @ v)


@pytest.mark.parametrize("hidden", [SMALLEST, -math.inf], ids=["smallest", "minus infinity"])
@pytest.mark.parametrize("name", ["differential", "harmony", "maximum"])
def test_masked_places_stay_masked_at_every_step(name, hidden):
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(2, ROWS, dtype=torch.int64)
    mask[1, 4:] = 0
    batch = {"x": torch.randn(2, ROWS, 8, generator=generator), "mask": mask}
    model = Causal(hidden).eval()
    method = {
        "differential": iso.methods.Differential(spikes="digits", bits=8, scale="maximum"),
        "harmony": iso.methods.Harmony(bits=8, tail=2.0),
        "maximum": iso.methods.Maximum(v_init=0.5),
    }[name]
    snn = iso.convert(model, method, data=[batch], sites="products", analogue="allow", progress=False)
    expected = model(**batch)
    run = iso.simulate(snn, batch, steps=64)
    error = (run.output - expected).norm() / expected.norm()
    assert error < {"differential": 0.01, "harmony": 0.05, "maximum": 0.05}[name]  # one that sees what is to come: 0.3
    step = iso.simulate(snn, batch, steps=64, executor="step").output
    assert torch.allclose(step, run.output, rtol=0, atol=1e-5)  # float32, sums of 64 steps
