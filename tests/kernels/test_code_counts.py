"""Counting codes: the kernel and torch beside the plainest count."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isospike.errors import NativeError, SimulationError
from isospike.kernels import code_histogram, library

KERNELS = ["native", "torch"]


@pytest.fixture(params=KERNELS)
def kernels(request, monkeypatch):
    """With the kernels, where there are any, and without."""
    if request.param == "torch":
        monkeypatch.setattr("isospike.kernels.code_counts.outcome", lambda dtype: NativeError("none"))
    elif isinstance(library.outcome(torch.float32), NativeError):
        pytest.skip(str(library.outcome(torch.float32)))


def counted(codes: torch.Tensor, levels: int) -> torch.Tensor:
    return torch.stack([torch.bincount(sample.flatten().long(), minlength=levels + 1) for sample in codes])


@given(
    shape=st.sampled_from([(1, 1), (3, 5), (2, 1027), (4, 3, 6, 5), (2, 2, 1, 7), (5, 2, 9)]),
    levels=st.sampled_from([1, 3, 15, 255, 65535]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_every_code_is_counted(shape, levels, dtype, seed):
    codes = torch.randint(0, levels + 1, shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
    assert torch.equal(code_histogram(codes, levels), counted(codes, levels))


def test_layouts_give_the_same_counts(kernels):
    codes = torch.randint(0, 8, (3, 4, 6, 5), generator=torch.Generator().manual_seed(0)).float()
    for layout in (codes, codes.contiguous(memory_format=torch.channels_last), codes.transpose(2, 3)):
        assert torch.equal(code_histogram(layout, 7), counted(codes, 7))


@pytest.mark.parametrize("value", [float("nan"), -1.0, 8.0, float("inf"), 1e30])
def test_what_is_no_code_is_refused(kernels, value):
    codes = torch.zeros(2, 2000)
    codes[1, 1999] = value
    with pytest.raises(SimulationError, match="code is not a number"):
        code_histogram(codes, 7)
