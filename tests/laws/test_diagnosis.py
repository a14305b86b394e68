"""Laws of the diagnosis, for every registered method."""

from __future__ import annotations

import json
import math

import pytest
import torch

import isospike as iso
from networks import ALL
from short_methods import EMITTING, METHODS, STREAMING, TYPICAL

STEPS = 12
ROUNDING = 1e-9
"""Sums of some thousand float64 squares, their roots."""
SOME = ("reused_relu", "attention")
STRUCTURES = ("ceilings", "tuple_output", "dict_output", "upsampled", "padded", "three_dimensional", "gated")


def diagnosed(name, method, converted, captured):
    snn = converted(name, METHODS[method])
    data = [ALL[name].inputs(8, seed=10)]  # of the images that it was calibrated with: thresholds fit them
    return snn, iso.diagnose(captured(name), snn, data, steps=STEPS if method in STREAMING else None)


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("method", METHODS)
def test_a_converted_network_is_healthy_and_its_figures_fit(method, name, converted, captured):
    snn, found = diagnosed(name, method, converted, captured)
    assert found.faults == ()
    assert [site.site for site in found.sites] == list(snn.sites)
    assert (found.images, found.metric) == (8, "agreement")
    for site in found.sites:
        parts = (site.clipping_error, site.quantisation_error, site.unevenness_error)
        assert site.local_error <= sum(parts[:2]) + ROUNDING
        assert 0 <= site.silent_channels + site.saturated_channels <= site.channels
        assert site.bound is not None
        assert site.accumulated_error <= site.bound + ROUNDING
        assert site.bound <= site.model_bound + ROUNDING
        assert site.rate >= 0
        assert -1 <= site.regained <= 1
    for site in found.sites:  # one that reads the image alone has no other term in its bound
        if site.spectral_norm is None:
            assert abs(site.bound - site.accumulated_error) < ROUNDING
            assert site.model_bound == site.bound
    assert len(found.worst) <= 3
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == {
        **found.to_dict(),
        **{key: list(found.to_dict()[key]) for key in ("sites", "worst", "faults")},
    }


@pytest.mark.parametrize("method", EMITTING)
def test_accumulate_then_emit_networks_are_even(method, converted, captured):
    _, found = diagnosed("max_pools", method, converted, captured)
    assert all(site.unevenness_error < ROUNDING for site in found.sites)  # weighted spikes are added up, codes are not
    first = found.sites[0]  # reads the image alone
    assert math.isclose(first.local_error, first.accumulated_error, rel_tol=ROUNDING)


@pytest.mark.parametrize("method", TYPICAL)
def test_what_is_random_stays_the_same_and_nothing_is_changed(method, converted, captured):
    snn = converted("reused_relu", METHODS[method])
    before = {name: tensor.clone() for name, tensor in snn.state_dict().items()}
    first, second = (diagnosed("reused_relu", method, converted, captured)[1] for _ in range(2))
    assert first == second
    assert all(torch.equal(tensor, before[name]) for name, tensor in snn.state_dict().items())


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("method", ["maximum", "bit-coded", "srp"])
def test_any_structure(method, name, converted, captured):
    snn, found = diagnosed(name, method, converted, captured)
    assert len(found.sites) == len(snn.sites)
    assert found.faults == ()
