"""Bytes of a network, and of the sets of a calibrated one."""

from __future__ import annotations

import copy

import isospike as iso
from isospike.costs import memory_of
from networks import NETWORKS


def test_bytes_by_hand(converted):
    """A convolution with 4 filters of 27 weights, a linear layer 256 x 5, their biases; thresholds and starts."""
    snn = converted("module_relu", iso.methods.Maximum())
    found = memory_of(snn)
    own = sum(tensor.numel() for tensor in snn.graph.get_submodule("relu").state_dict().values())
    assert found.network_bytes == 8 * (4 * 27 + 4 + 256 * 5 + 5 + own)
    assert (found.set_bytes, found.total) == ({}, found.network_bytes)
    assert memory_of(copy.deepcopy(snn).float()).total == found.total // 2


def test_every_set_of_a_calibrated_network_counts(captured):
    """Weights and thresholds of each number of steps stand beside those of the graph."""
    method = iso.methods.CalibratedBuffered(steps=(4, 8), refine_images=8)
    snn = iso.convert(captured("module_relu"), method, data=[NETWORKS["module_relu"].inputs(8)])
    found = memory_of(snn)
    assert list(found.set_bytes) == [4, 8]
    for steps, count in found.set_bytes.items():
        assert count == sum(8 * tensor.numel() for tensor in snn.tensor_sets[steps].values()) > 0
    assert found.network_bytes == sum(8 * tensor.numel() for tensor in snn.graph.state_dict().values())
    assert found.total == found.network_bytes + sum(found.set_bytes.values()) == found.to_dict()["total_bytes"]
