"""Laws of every trainable activation, and each beside its formula differentiated by autograd."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import isospike as iso
from isospike.activations import MOST_LEVELS, QCFS, Clip, Mirrored, QReLU, SlipReLU, activations
from isospike.errors import OptionError, UnknownNameError
from isospike.options import options_of as fields_of
from references.activations import REFERENCES

CONFIGURATIONS = [
    *(QCFS(levels=1), QCFS(levels=4), QCFS(levels=15), QReLU(levels=3), QReLU(levels=16), Clip()),
    *(SlipReLU(), SlipReLU(mixture=0), SlipReLU(mixture=0.3, lead=0.5, levels=5), SlipReLU(lead=1, shift=0.0)),
]
every = pytest.mark.parametrize("activation", CONFIGURATIONS, ids=str)
seeds = st.integers(0, 2**31)
bounds = st.floats(0.01, 100)


def currents(seed: int, *shape: int, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*(shape or (3, 4, 5, 5)), generator=generator, dtype=torch.float64) * scale


def test_every_registered_activation_is_covered():
    assert {type(activation) for activation in CONFIGURATIONS} == {kind for _, kind in activations.items()}
    assert set(REFERENCES) == set(activations)


@pytest.mark.parametrize("name", list(activations))
def test_a_configuration_is_frozen_and_documented(name):
    kind = activations[name]
    assert kind.name == name
    assert kind() == kind()
    assert kind.summary().endswith(".")
    for field in fields_of(kind):
        assert field.help.endswith("."), field.name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(kind(), field.name, field.default)


@every
@settings(max_examples=30, deadline=None)
@given(seed=seeds, bound=bounds)
def test_value_and_gradients_are_those_of_the_formula(activation, seed, bound):
    x = currents(seed, scale=bound).requires_grad_()
    theirs = torch.tensor(bound, dtype=torch.float64, requires_grad=True)
    weight = currents(seed + 1)
    expected = REFERENCES[activation.name](x, theirs, activation)
    to_x, to_bound = torch.autograd.grad((expected * weight).sum(), (x, theirs))
    layer = activation.module(theirs)
    got = layer(x)
    ours = torch.autograd.grad((got * weight).sum(), (x, layer.log_bound))
    # exp(log(bound)) and another order of division: a few roundings of float64; a step is never within one
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12 * bound)
    assert torch.equal(ours[0], to_x) or torch.allclose(ours[0], to_x, rtol=1e-12)
    # the sum runs over 300 elements of either sign
    torch.testing.assert_close(ours[1], bound * to_bound, rtol=1e-10, atol=1e-10 * bound)


@every
def test_a_bound_per_channel_is_a_bound_per_layer_for_every_channel(activation):
    activation = dataclasses.replace(activation, granularity="channel")
    values, x = torch.tensor([0.5, 1.0, 2.0, 3.0], dtype=torch.float64), currents(0)
    layer = activation.module(values.view(4, 1, 1))
    layer(x).square().sum().backward()
    for channel, bound in enumerate(values):
        single = dataclasses.replace(activation, granularity="layer").module(bound)
        y = single(x[:, channel])
        y.square().sum().backward()
        assert torch.equal(layer(x)[:, channel], y)
        # the same 75 terms in another order
        torch.testing.assert_close(layer.log_bound.grad[channel, 0, 0], single.log_bound.grad, rtol=1e-12, atol=1e-12)


@every
@settings(max_examples=20, deadline=None)
@given(seed=seeds, exponent=st.integers(-8, 8))
def test_scaling_everything_scales_the_output(activation, seed, exponent):
    """Homogeneity, on which the gradient of the bound rests; powers of two make it exact."""
    factor, x = 2.0**exponent, currents(seed)
    name = activation.name.replace("-", "_")
    value = iso.activations.operator.staircase
    if name in ("qcfs", "qrelu"):
        bound = torch.tensor(1.3, dtype=torch.float64)
        small = value(x, bound, activation.levels, shift=activation.phi)
        assert torch.equal(value(x * factor, bound * factor, activation.levels, shift=activation.phi), small * factor)
    expected = REFERENCES[activation.name](x, torch.tensor(1.3), activation) * factor
    # exp(log(bound)) is rounded
    torch.testing.assert_close(activation.module(1.3 * factor)(x * factor), expected, rtol=1e-6, atol=1e-6 * factor)


LAYOUTS = [((), torch.contiguous_format), ((4, 1, 1), torch.channels_last)]


@pytest.mark.parametrize(("shape", "layout"), LAYOUTS, ids=["layer", "channel"])
@pytest.mark.parametrize("name", list(activations))
def test_the_operator_keeps_the_rules_of_torch(name, shape, layout):
    activation = activations[name]()
    operator = getattr(torch.ops.isospike, activation.name.replace("-", "_")).default
    names = [argument.name for argument in operator._schema.arguments][2:]
    numbers = [getattr(activation, name) for name in names]
    x = currents(0).float().contiguous(memory_format=layout).requires_grad_()
    torch.library.opcheck(operator, (x, torch.full(shape, 0.3, requires_grad=True), *numbers))


@pytest.mark.parametrize("activation", [Clip(), SlipReLU(mixture=1.0, lead=0.5)], ids=str)
def test_gradients_without_a_staircase_are_the_true_ones(activation):
    x = torch.linspace(-1, 4, 41, dtype=torch.float64)
    x = x[((x.abs() > 0.05) & ((x - 2).abs() > 0.05)) & ((x + 0.25).abs() > 0.05) & ((x - 1.75).abs() > 0.05)]
    log_bound = torch.tensor(math.log(2.0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(activation, (x.requires_grad_(), log_bound))


@pytest.mark.parametrize("activation", [QCFS(levels=7), QReLU(levels=7)], ids=str)
def test_a_staircase_has_one_value_more_than_steps(activation):
    layer = activation.module(3.5)
    values = layer(torch.linspace(-1, 6, 10_000)).unique()
    assert layer.levels == 7
    assert torch.equal(iso.activations.codes(values, layer.bound, 7), torch.arange(8))


@every
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_the_precision_of_the_bound(activation, dtype):
    layer, x = activation.module(2.0), currents(1).to(dtype).requires_grad_()
    wide = x.detach().float().requires_grad_()
    y, expected = layer(x), layer(wide)
    assert y.dtype == dtype
    assert torch.equal(y, expected.to(dtype))
    y.sum().backward()
    assert layer.log_bound.grad.dtype == torch.float32
    assert x.grad.dtype == dtype


@settings(max_examples=50, deadline=None)
@given(seed=seeds, bound=bounds, levels=st.integers(1, 20))
def test_a_negative_bound_is_the_mirrored_activation(seed, bound, levels):
    z = currents(seed, scale=bound)
    layer = QCFS(levels=levels).module(torch.tensor(-bound, dtype=torch.float64))
    unit = -bound / levels
    expected = unit * (z / unit + 0.5 + 2**-12).floor().clamp(0, levels)
    # exp(log(bound)) is rounded; nowhere near a step for drawn numbers
    torch.testing.assert_close(layer(z), expected, rtol=1e-12, atol=1e-12 * bound)
    assert isinstance(layer, Mirrored)
    assert layer.activation.bound > 0


def test_negative_bounds_in_a_network_become_positive_ones_between_linear_ops():
    bounds = torch.tensor([1.0, -2.0, 3.0, -0.5]).view(4, 1, 1)
    layer = QCFS(granularity="channel").module(bounds)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), layer, torch.nn.Conv2d(4, 2, 3)).eval()
    graph = iso.capture(model, torch.randn(2, 3, 8, 8))
    assert [op.role.value for op in graph.ops] == ["linear", "linear", "activation", "linear", "linear"]
    (site,) = graph.sites
    assert (graph.get_submodule(site).bound > 0).all()
    x = torch.randn(4, 3, 8, 8)
    assert torch.equal(graph(x), model(x))


@pytest.mark.parametrize("bound", [0.0, math.nan, math.inf, torch.tensor([1.0, 0.0]).view(2, 1, 1)], ids=str)
def test_a_bound_of_zero_nan_or_infinity_is_refused(bound):
    with pytest.raises(OptionError, match="bound must be finite and not zero"):
        QCFS(granularity="layer" if isinstance(bound, float) else "channel").module(bound)


def test_bounds_of_another_granularity_are_refused():
    with pytest.raises(OptionError, match="single value"):
        QCFS().module(torch.ones(4, 1, 1))
    with pytest.raises(OptionError, match="unless the bounds are given"):
        QCFS(granularity="channel").module()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_spoiled_bound_is_found_by_the_capture(value):
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), QCFS().module()).eval()
    model[1].log_bound.data.fill_(value)
    with pytest.raises(iso.errors.CaptureError, match="bound that is not positive and finite"):
        iso.capture(model, torch.randn(2, 3))


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        *((kind, "levels", value) for kind in (QCFS, QReLU, SlipReLU) for value in (0, -1, 2.0, True, MOST_LEVELS + 1)),
        *((kind, "bound", value) for kind in (QCFS, Clip) for value in (0.0, -1.0, math.nan, math.inf)),
        *((SlipReLU, option, value) for option in ("mixture", "lead") for value in (-0.1, 1.1, math.nan)),
        *((SlipReLU, "shift", value) for value in (-0.1, 0.6, math.nan)),
        (QCFS, "granularity", "neuron"),
    ],
)
def test_options_out_of_range_are_refused(kind, option, value):
    with pytest.raises(OptionError, match=f"{kind.name}: {option} must be"):
        kind(**{option: value})


def test_an_unknown_activation_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean qcfs"):
        activations["qcf"]


@every
def test_weights_survive_a_file(activation, tmp_path):
    layer, other = activation.module(2.5), activation.module(1.0)
    save_file(layer.state_dict(), tmp_path / "a.safetensors")
    other.load_state_dict(load_file(tmp_path / "a.safetensors"))
    x = currents(3).float()
    assert torch.equal(layer(x), other(x))
