"""Sizes that the code fixes, masks that silence a row, constants before sites: one line each, or a right network."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isospike as iso
from isospike.errors import CalibrationError, CaptureError, ConversionError, IsospikeError, SimulationError

METHOD = iso.methods.BitCoded(bits=8)
HOW = {"analogue": "allow", "sites": "products"}


class Net(nn.Module):
    """A function over three layers and two constants."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function
        self.a, self.b, self.c = (nn.Linear(8, 8) for _ in range(3))
        self.weight, self.tokens = nn.Parameter(torch.randn(8, 8)), nn.Parameter(torch.randn(1, 6, 8))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.function(self, x) if mask is None else self.function(self, x, mask)


def net(function) -> nn.Module:
    torch.manual_seed(0)
    return Net(function).double().eval()


def samples(count: int = 4) -> Tensor:
    return torch.randn(count, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


FIXED = "its code fixes the size of the batch"
SIZES = {
    "number": (lambda n, x: n.b(n.a(x).relu().view(4, 48).view(4, 6, 8)), FIXED),
    "loop": (lambda n, x: torch.stack([n.b(n.a(x[i]).relu()) for i in range(x.shape[0])]), FIXED),
    "len": (lambda n, x: n.b(n.a(x).relu()).view(len(x), -1), FIXED),
    "equal": (lambda n, x: n.b(n.a(x).relu()) * (1 if x.shape[0] == 4 else 2), FIXED),
    "zeros": (lambda n, x: n.b(n.a(x).relu() + torch.zeros(4, 6, 8)), FIXED),
    "larger": (
        lambda n, x: n.b(n.a(x).relu()) * (1 if x.shape[0] > 3 else 2),
        "does it not ask how large the batch is",
    ),
    "even": (
        lambda n, x: n.b(n.a(x).relu()) * (1 if x.shape[0] % 2 == 0 else 2),
        "does it not ask how large the batch is",
    ),
    "pairs": (
        lambda n, x: n.b(n.a(x).relu().reshape(x.shape[0] // 2, 2, 6, 8).flatten(0, 1)),
        "takes the batch apart into parts that 1 samples do not fill",
    ),
    "halves": (lambda n, x: torch.cat([n.b(y.relu()) for y in n.a(x).chunk(2)]), "fails on a batch of 1"),
    "largest": (lambda n, x: n.b(n.a(x).relu()) * x.max(), "depends on the other samples in the batch"),
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_that_specialise_are_told(name):
    function, message = SIZES[name]
    with pytest.raises(CaptureError, match=message) as raised:
        iso.convert(net(function), METHOD, data=[samples()], **HOW)
    assert "\n" not in str(raised.value)


class Positions(nn.Module):
    """Tokens with a table of six positions."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions, self.head = nn.Embedding(20, 8), nn.Embedding(6, 8), nn.Linear(8, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head((self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))).relu()).mean(1)


def test_a_sequence_longer_than_the_positions_is_told():
    torch.manual_seed(0)
    model, tokens = Positions().eval(), torch.arange(24).view(4, 6) % 20
    longer = torch.zeros(4, 9, dtype=torch.int64)
    with pytest.raises(CaptureError, match=r"give no longer sequences than it has positions \(--length\)"):
        iso.convert(model, METHOD, data=[longer])
    snn = iso.convert(model, METHOD, data=[tokens])
    for steps in (longer, tokens + 20):
        with pytest.raises(SimulationError):
            snn(steps)
    with pytest.raises(CaptureError, match=r"layer 'tokens' \(Embedding\)"):
        iso.convert(model, METHOD, data=[tokens + 20])


def filled(n, x, mask):
    scores = (n.a(x) @ n.b(x).transpose(1, 2)).masked_fill(~mask[:, None, :].bool(), -math.inf)
    return torch.softmax(scores, -1) @ n.c(x)


def in_one_call(n, x, mask):
    q, k, v = (layer(x)[:, None] for layer in (n.a, n.b, n.c))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :].bool())[:, 0]


@pytest.mark.parametrize("attention", [filled, in_one_call])
def test_a_mask_that_silences_a_row_is_told(attention):
    model, good = net(attention), torch.ones(4, 6, dtype=torch.int64)
    good[:, 4:] = 0
    bad = good.clone()
    bad[1] = 0
    silenced = {"x": samples(), "mask": bad}
    message = "mask silences? a whole row, whose softmax is not a number"
    with pytest.raises((CaptureError, CalibrationError), match=message):
        iso.convert(model, METHOD, data=[silenced], **HOW)
    snn = iso.convert(model, METHOD, data=[{"x": samples(), "mask": good}], **HOW)
    with pytest.raises(SimulationError, match=message):
        iso.simulate(snn, silenced, record=iso.Record(codes=True))
    with pytest.raises(IsospikeError, match=message):
        iso.verify(model, snn, [silenced], progress=False)


MOVED = {
    "expanded": lambda n, x: n.b(n.a(x).relu().masked_fill((x[:, :, :1] < 0.5).expand(-1, -1, 8), 0.25)),
    "repeated": lambda n, x: torch.where((x[:, :, :1] > 0.5).repeat(1, 1, 8), n.a(x).relu(), n.b(x)),
    "joined": lambda n, x: torch.where(~((x[..., :1] > 0.5).expand(-1, -1, 8) & (x < 1)), n.a(x).relu(), n.b(x)),
    "flattened": lambda n, x: n.a(x).flatten(1).masked_fill((x < 0.5).flatten(1), -1.0).relu(),
}


@pytest.mark.parametrize("name", MOVED)
def test_masks_of_values_may_be_moved(name):
    model, x = net(MOVED[name]), samples()
    assert torch.allclose(iso.capture(model, x)(x), model(x), rtol=0, atol=1e-12)


def test_a_mask_of_values_that_fills_with_infinity_is_told():
    def function(n, x):
        scores = (n.a(x) @ n.b(x).mT).masked_fill((x[:, None, :, 0] < 0.5).expand(-1, 6, -1), -math.inf)
        return scores.softmax(-1) @ n.c(x).relu()

    with pytest.raises(ConversionError, match="a mask of these may fill with finite numbers alone") as raised:
        iso.convert(net(function), METHOD, data=[samples()], **HOW)
    assert "\n" not in str(raised.value)


ITSELF = {
    "squared": lambda n, x: n.b(n.a(x) * n.a(x)),
    "by itself": lambda n, x: (lambda y: n.b(y * y))(n.a(x)),
    "a rectifier by itself": lambda n, x: (lambda y: n.b(y * y))(n.a(x).relu()),
    "its own scores": lambda n, x: (lambda y: n.b(y @ y.mT @ y))(n.a(x)),
    "scores of a rectifier": lambda n, x: (lambda y: n.b(y.mT @ y))(n.a(x).relu()),
    "attention to itself": lambda n, x: (lambda y: n.b(F.scaled_dot_product_attention(y, y, y)))(n.a(x)),
    "the input by itself": lambda n, x: n.b(x @ x.mT @ x).relu(),
}


@pytest.mark.parametrize("name", ITSELF)
def test_a_product_of_one_value_with_itself_converts(name):
    """One site serves both operands, and what is multiplied is what both decode."""
    model, x = net(ITSELF[name]), samples()
    snn = iso.convert(model, METHOD, data=[x], **HOW)
    assert iso.verify(model, snn, [x], progress=False).exact
    collapsed, stepped = (iso.simulate(snn, x, executor=executor) for executor in ("collapsed", "stepped"))
    assert torch.allclose(collapsed.output, stepped.output, rtol=0, atol=1e-12)
    assert all(torch.equal(collapsed.spikes[site], stepped.spikes[site]) for site in snn.sites)
    scale = model(x).abs().max()
    assert (collapsed.output - model(x)).abs().max() < 0.05 * scale  # 8 bits
    streaming = iso.convert(model, iso.methods.Maximum(), data=[x], **HOW)
    assert (streaming(x, steps=256) - model(x)).abs().max() < 0.15 * scale  # the error falls as 1/T


CONSTANT = {
    "weights": lambda n, x: n.b(F.linear(n.a(x).relu(), n.weight.relu())),
    "tokens": lambda n, x: n.b(n.a(x).relu() + n.c(n.tokens.relu())),
    "tokens of the batch": lambda n, x: n.b(n.a(n.tokens.expand(x.shape[0], -1, -1)).relu() + n.c(x).relu()),
    "queries": lambda n, x: torch.softmax(n.a(n.tokens) @ n.b(x).transpose(1, 2), -1) @ n.c(x),
    "a product": lambda n, x: n.b(F.gelu(n.a(x))) @ (n.weight @ n.weight),
    "positions": lambda n, x: n.b(F.gelu(n.a(x)) + n.c(F.gelu(n.b(n.tokens)))),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_no_site_sees_values_of_the_weights_alone(name):
    """They are computed once: a site of theirs would spike alike for every sample."""
    model, x = net(CONSTANT[name]), samples(8)
    snn = iso.convert(model, METHOD, data=[x], **HOW)
    codes = iso.simulate(snn, x, record=iso.Record(codes=True)).codes
    assert codes
    assert all((found[0] != found[1:]).any() for found in codes.values())
    assert iso.verify(model, snn, [x], progress=False).exact


def test_a_network_of_constants_alone_says_that_nothing_would_spike():
    with pytest.raises(IsospikeError, match="nothing would spike"):
        iso.convert(net(lambda n, x: F.linear(x, n.weight.relu())), METHOD, data=[samples()], **HOW)
