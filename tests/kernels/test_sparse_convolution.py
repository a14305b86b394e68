"""The convolution that skips zeros: equal to the dense one, and to itself in any batch, thread count and build."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isospike.kernels import SparseConvolution, availability, library, skips_zeros

pytestmark = pytest.mark.skipif(availability() is not None, reason=f"no native kernels: {availability()}")

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13}
"""Relative to the largest output: hundreds of terms in another order, each rounded at 6e-8 or 1e-16."""


@st.composite
def layers(draw):
    """A layer that can skip zeros and an input ``[N, ...]`` with some density."""
    kind = draw(st.sampled_from(["linear", "conv1d", "conv2d"]))
    channels, out = draw(st.integers(1, 70)), draw(st.sampled_from([1, 3, 31, 32, 63, 64, 65, 130]))
    bias, images = draw(st.booleans()), draw(st.integers(1, 9))
    if kind == "linear":
        module, shape = nn.Linear(channels, out, bias=bias), (images, channels)
    else:
        dims = 1 if kind == "conv1d" else 2
        numbers = [tuple(draw(st.integers(low, 3)) for _ in range(dims)) for low in (1, 1, 0, 1)]
        kernel, stride, padding, dilation = numbers
        options = {"stride": stride, "padding": padding, "dilation": dilation, "bias": bias}
        module = (nn.Conv1d if dims == 1 else nn.Conv2d)(channels, out, kernel, **options)
        shape = (images, channels, *(draw(st.integers(7, 10)) for _ in range(dims)))
    torch.manual_seed(draw(st.integers(0, 1000)))
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    density = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    return module.eval(), torch.randn(shape) * (torch.rand(shape) < density)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(layer=layers())
@settings(max_examples=60, deadline=None)
@torch.no_grad()
def test_equals_the_dense_layer(dtype, layer):
    module, x = layer[0].to(dtype), layer[1].to(dtype)
    dense, sparse = module(x), SparseConvolution(module)(x)
    assert sparse.shape == dense.shape
    assert (sparse - dense).abs().max() <= TOLERANCE[dtype] * max(1.0, float(dense.abs().max()))


@given(layer=layers(), split=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
@torch.no_grad()
def test_a_sample_gives_the_same_bits_in_any_batch(layer, split):
    module, x = layer
    sparse = SparseConvolution(module)
    assert torch.equal(torch.cat([sparse(part) for part in x.split(split)]), sparse(x))


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@torch.no_grad()
def test_any_number_of_threads_gives_the_same_bits(threads):
    module = nn.Conv2d(20, 70, 3, padding=1)
    sparse, x = SparseConvolution(module), torch.randn(2, 20, 9, 9) * (torch.rand(2, 20, 9, 9) < 0.2)
    results = []
    for number in (1, 2, 3, 16):
        threads(number)
        results.append(sparse(x))
    assert all(torch.equal(result, results[0]) for result in results)


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX512", reason="needs both instruction sets")
@torch.no_grad()
def test_both_instruction_sets_give_the_same_bits(monkeypatch):
    module, x = nn.Conv2d(33, 65, 3, padding=1), torch.randn(3, 33, 8, 8).relu()
    wide = SparseConvolution(module)(x)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    library.outcome.cache_clear()
    narrow = SparseConvolution(module)(x)
    library.outcome.cache_clear()
    assert torch.equal(wide, narrow)


@torch.no_grad()
def test_changed_parameters_are_noticed():
    module, x = nn.Conv2d(4, 8, 3), torch.rand(2, 4, 6, 6)
    sparse = SparseConvolution(module)
    first = sparse(x)
    module.weight.mul_(2)
    module.bias.mul_(2)
    assert torch.equal(sparse(x), 2 * first)
    module.to(torch.float64)
    assert sparse(x.double()).dtype == torch.float64


@torch.inference_mode()
def test_a_module_made_in_inference_mode():
    module, x = nn.Conv2d(4, 8, 3), torch.rand(2, 4, 6, 6)
    assert SparseConvolution(module)(x).shape == (2, 8, 4, 4)


@torch.no_grad()
def test_empty_batches_and_other_types_are_left_to_torch():
    module = nn.Conv2d(4, 8, 3)
    assert SparseConvolution(module)(torch.rand(0, 4, 6, 6)).shape == (0, 8, 4, 4)
    assert SparseConvolution(module.bfloat16())(torch.rand(1, 4, 6, 6).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.Linear(3, 64), True),
        (nn.Linear(3, 2), True),
        (nn.Conv1d(4, 64, 3), True),
        (nn.Conv2d(4, 64, 3), True),
        (nn.Conv2d(4, 63, 3), False),
        (nn.Conv2d(4, 64, 3, groups=2), False),
        (nn.Conv2d(4, 64, 3, padding="same"), False),
        (nn.Conv2d(4, 64, 3, padding=1, padding_mode="circular"), False),
        (nn.Conv3d(4, 64, 3), False),
        (nn.ConvTranspose2d(4, 64, 3), False),
        (nn.ReLU(), False),
    ],
    ids=repr,
)
def test_what_skips_zeros(module, expected):
    assert skips_zeros(module) is expected
