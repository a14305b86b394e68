"""Random networks: no wrong code, no wrong spike. 200 of them: ``python benchmarks/exactness.py``."""

from __future__ import annotations

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import isospike as iso
from isospike.network import Profile, network_of
from isospike.refine import put_on_grid
from random_networks import random_snn


@given(st.data())
@settings(deadline=None, max_examples=6, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_code_and_no_spike_is_wrong(data):
    graph, snn, x = random_snn(lambda options: data.draw(st.sampled_from(list(options))))
    for dtype in (torch.float64, torch.float32):
        found = iso.verify(graph, snn, [x], dtype=dtype)
        assert found.exact, found.first_difference
    grid = put_on_grid(snn.graph, x.abs().max().item())
    found = iso.verify(graph, network_of(grid, Profile(snn.provenance)), [x])
    assert found.exact, found.first_difference
    assert found.output_error == 0
