"""Integrate-and-fire neurons on trained networks start where the activation was trained to round."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import isospike as iso
from isospike.activations import QCFS, Clip, QReLU, SlipReLU
from isospike.activations.activation import Activation

LEVELS = 4


def one_layer(activation: Activation) -> tuple[nn.Module, iso.SNN, torch.Tensor]:
    """A layer of weight 1 and bound 1, its network, and currents around every rounding point."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), activation.module(1.0), nn.Conv2d(1, 1, 1, bias=False))
    for layer in (model[0], model[2]):
        nn.init.ones_(layer.weight)
    model = model.double().eval()
    points = torch.arange(-8, 8 * (LEVELS + 2), dtype=torch.float64) / 32  # all half and quarter steps are among them
    x = torch.cat([points + side * 2.0**-16 for side in (-1, 0, 1)]).view(1, 1, 1, -1)
    return model, iso.convert(model, iso.methods.QCFS(), data=[x]), x


@pytest.mark.parametrize(
    "activation",
    [QCFS(levels=LEVELS), QReLU(levels=LEVELS), *(SlipReLU(levels=LEVELS, mixture=0, shift=s) for s in (0, 0.25, 0.5))],
    ids=str,
)
def test_the_first_layer_gives_the_trained_activation_in_as_many_steps_as_levels(activation):
    model, snn, x = one_layer(activation)
    assert torch.equal(snn(x, steps=LEVELS), model(x))  # multiples of 1/4


@pytest.mark.parametrize(
    ("activation", "start"),
    [(SlipReLU(mixture=0.5, shift=0.0), 0.0), (SlipReLU(shift=0.5), 0.5), (Clip(), 0.5)],
    ids=str,
)
def test_activations_that_are_no_staircase_say_where_their_neurons_start(activation, start):
    _, snn, _ = one_layer(activation)
    (neuron,) = (snn.graph.get_submodule(site) for site in snn.sites)
    assert neuron.v_init.item() == start + 2**-12
    coded = iso.convert(
        one_layer(activation)[0], iso.methods.BitCoded(calibrate_bias=False), data=[torch.ones(1, 1, 1, 1).double()]
    )
    (emitter,) = (coded.graph.get_submodule(site) for site in coded.sites)
    assert emitter.v_init.item() == pytest.approx((0.5 + 2**-12) / 15, rel=1e-12)  # they round to nearest
