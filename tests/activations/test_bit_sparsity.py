"""The bit-level l1 regulariser beside counting ones one by one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isospike.activations import QCFS, BitSparsity, Clip, QReLU, SlipReLU, bit_sparsity, codes
from isospike.errors import OptionError


def currents(seed: int = 0) -> torch.Tensor:
    return torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(seed), requires_grad=True)


@pytest.mark.parametrize("levels", [1, 3, 4, 5, 7, 15, 255])
@pytest.mark.parametrize("kind", [QCFS, QReLU])
def test_it_counts_the_ones_of_every_code(kind, levels):
    layer, z = kind(levels=levels).module(1.7), currents()
    numbers = codes(layer(z), layer.bound, levels).flatten().tolist()
    assert bit_sparsity(z, layer).item() == sum(number.bit_count() for number in numbers)


def test_it_is_a_sum_over_the_batch():
    layer, z = QCFS(levels=7).module(1.7), currents()
    parts = [bit_sparsity(sample, layer) for sample in z.split(1)]
    assert bit_sparsity(z, layer) == sum(parts)
    assert bit_sparsity(torch.cat([z, z]), layer) == 2 * bit_sparsity(z, layer)


@pytest.mark.parametrize(("levels", "bits"), [(1, 1), (3, 2), (4, 3), (7, 3), (8, 4)])
def test_gradient_of_the_bits(levels, bits):
    layer, z = QCFS(levels=levels).module(1.7), currents()
    (3 * bit_sparsity(z, layer, gradient="bits")).backward()
    k = codes(layer(z), layer.bound, levels)
    assert torch.equal(z.grad, 3.0 * bits * ((k > 0) & (k < levels)))
    assert layer.log_bound.grad is None


def test_saturated_neurons_have_no_gradient_of_the_bits():
    """``levels`` times the rounded unit lies below the bound for several percent of all bounds; the code does not."""
    below = 0
    for seed in range(100):
        layer = QCFS(levels=15).module(torch.rand((), generator=torch.Generator().manual_seed(seed)) * 10 + 0.1)
        z = (layer.bound * torch.tensor([1.2, 2.0, 50.0])).requires_grad_()
        bit_sparsity(z, layer, gradient="bits").backward()
        assert not z.grad.any()
        below += bool((layer(z) < layer.bound).any())
    assert below


def test_gradient_of_the_code():
    layer, z = QCFS(levels=7).module(1.7), currents()
    (3 * bit_sparsity(z, layer, gradient="code")).backward()
    # 3 * 7 / bound in another order of rounding
    torch.testing.assert_close(z.grad, 21 / layer.bound * ((z > 0) & (z < layer.bound)), rtol=1e-6, atol=0)
    assert layer.log_bound.grad is None


def test_codes_are_rounded_not_truncated():
    """Truncation, as the release does it, is wrong for several percent of exact codes; rounding for none."""
    wrong_by_truncation = total = 0
    for seed in range(200):
        bound = torch.rand((), generator=torch.Generator().manual_seed(seed)) * 10 + 0.1
        for levels in (3, 7, 15, 31):
            k = torch.arange(levels + 1)
            a = k * (bound / levels)
            assert torch.equal(codes(a, bound, levels), k)
            wrong_by_truncation += int((((a / bound) * levels).int() != k).sum())
            total += levels + 1
    assert wrong_by_truncation > 0.01 * total


def test_a_network_is_summed_over_its_layers_and_left_as_it_was():
    first, second = QCFS(levels=3).module(1.0), QCFS(levels=15).module(2.0)
    model = nn.Sequential(nn.Linear(5, 6), first, nn.Linear(6, 4), second, nn.Linear(4, 2))
    x = torch.randn(8, 5)
    with BitSparsity(model) as penalty:
        model(x)
    z1 = model[0](x)
    z2 = model[2](first(z1))
    assert penalty.total() == bit_sparsity(z1, first) + bit_sparsity(z2, second)
    assert not first._forward_hooks
    penalty.total().backward()
    assert model[0].weight.grad.abs().sum() > 0


def test_training_on_it_removes_spikes():
    torch.manual_seed(0)
    layer = QCFS(levels=15).module(2.0)
    model, x = nn.Sequential(nn.Linear(8, 16), layer), torch.randn(64, 8)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-4)
    counts = []
    for _ in range(20):
        with BitSparsity(model) as penalty:
            model(x)
        counts.append(penalty.total().item())
        optimiser.zero_grad()
        penalty.total().backward()
        optimiser.step()
    assert counts[-1] < 0.8 * counts[0]


@pytest.mark.parametrize("activation", [Clip(), SlipReLU()])
def test_an_activation_without_codes_is_refused(activation):
    with pytest.raises(OptionError, match="no integer codes"):
        bit_sparsity(currents(), activation.module())


def test_wrong_requests_are_refused():
    with pytest.raises(OptionError, match="'bits' or 'code'"):
        bit_sparsity(currents(), QCFS().module(), gradient="byte")
    with pytest.raises(OptionError, match="quantise it first"):
        BitSparsity(nn.Linear(2, 2))
