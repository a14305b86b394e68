"""The fused quantiser computes what its twin in torch does, bit for bit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isospike.kernels.quantise import quantise_by_torch, quantise_currents

CASES = {
    "one unit": ((3, 5, 7), ()),
    "channels first": ((2, 4, 3, 5), (4, 1, 1)),
    "channels last axis": ((2, 6, 8), (8,)),
    "heads": ((2, 4, 3, 3), (4, 1, 1)),
    "neurons": ((2, 4, 3), (4, 3)),
    "sequence": ((2, 4, 9), (4, 1)),
}


@settings(deadline=None)
@given(
    case=st.sampled_from(sorted(CASES)),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    low=st.integers(-300, 0),
    high=st.integers(1, 300),
    last=st.booleans(),
    with_worth=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_the_kernel_is_its_twin(case, dtype, low, high, last, with_worth, seed):
    shape, own = CASES[case]
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(shape, dtype=dtype, generator=generator) * 100
    if last and z.dim() == 4:
        z = z.contiguous(memory_format=torch.channels_last)
    unit, start, worth = (torch.rand(own, dtype=dtype, generator=generator) + 0.01 for _ in range(3))
    found = quantise_currents(z, unit, start, worth=worth if with_worth else None, low=low, high=high)
    expected = quantise_by_torch(z, unit, start, worth if with_worth else None, low, high)
    assert torch.equal(found, expected)
    assert found.stride() == expected.stride()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 0.0])
def test_what_is_no_number_stays_none(value):
    z, one = torch.full((2, 3), value), torch.tensor(1.0)
    found = quantise_currents(z, one, one / 2, worth=None, low=-3, high=3)
    assert torch.equal(found.nan_to_num(9.0), quantise_by_torch(z, one, one / 2, None, -3, 3).nan_to_num(9.0))


def test_a_transposed_current_takes_the_twin():
    z = torch.randn(4, 6).T
    unit = torch.rand(4) + 0.1
    assert torch.equal(
        quantise_currents(z, unit, unit, worth=unit, low=0, high=7), quantise_by_torch(z, unit, unit, unit, 0, 7)
    )
