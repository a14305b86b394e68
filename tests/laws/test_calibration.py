"""Calibration streams: the order and the number of batches leave no trace but the statistics."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from isospike.graphs import Op, Role
from isospike.scales import MaximumRule
from isospike.scales.histogram import StreamingHistogram
from isospike.scales.rule import ScaleRule
from short_methods import METHODS, shortened

BINS = 64
batches = st.lists(
    st.lists(st.floats(-4, 1e4, width=32), min_size=1, max_size=12).map(lambda row: torch.tensor(row).double()),
    min_size=1,
    max_size=6,
)


def filled(parts: list[Tensor]) -> StreamingHistogram:
    histogram = StreamingHistogram(2, BINS)
    for part in parts:
        histogram.add(torch.stack([part, part.flip(0).abs() / 3], 1))
    return histogram


@given(batches, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=80, derandomize=True)
def test_order_of_the_batches_does_not_matter(parts, random):
    first, shuffled = filled(parts), list(parts)
    random.shuffle(shuffled)
    for other in (filled(shuffled), filled([torch.cat(parts).sort().values])):
        # the second column pairs values within a batch, so only the first is the same set in every order
        assert torch.equal(first.counts[0], other.counts[0])
        assert torch.equal(first.largest[0], other.largest[0])
        assert first.total == other.total == sum(map(len, parts))


@given(batches, st.sampled_from([0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0]))
@settings(deadline=None, max_examples=120, derandomize=True)
def test_quantile_is_numpys_within_one_bin(parts, q):
    values = torch.cat(parts).clamp(min=0).numpy()
    got = filled(parts).quantile(q)[0].item()
    largest = values.max()
    width = 0.0 if largest == 0 else 2.0 ** np.ceil(np.log2(largest)) / BINS
    assert abs(got - np.quantile(values, q, method="inverted_cdf")) <= width
    assert got <= largest
    if q == 1:
        assert got == largest


@given(batches)
@settings(deadline=None, max_examples=80, derandomize=True)
def test_centres_stand_for_the_values_to_half_a_bin(parts):
    values, histogram = torch.cat(parts).clamp(min=0).sort().values, filled(parts)
    stand_ins = histogram.centres()[0].repeat_interleave(histogram.counts[0])
    assert stand_ins.shape == values.shape
    largest = values[-1].item()
    width = 0.0 if largest == 0 else 2.0 ** np.ceil(np.log2(largest)) / BINS
    assert (stand_ins - values).abs().max() <= width / 2
    assert torch.equal(stand_ins == 0, values == 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_counts_as_its_values_in_single(dtype):
    values = torch.cat([torch.rand(500, 2).to(dtype), torch.zeros(500, 2, dtype=dtype)])
    values[:, 1] = 0  # a channel that is silent
    half, single = StreamingHistogram(2, BINS), StreamingHistogram(2, BINS)
    half.add(values)
    single.add(values.float())
    assert torch.equal(half.counts, single.counts)
    assert half.quantile(0.9)[1] == 0


def test_values_next_to_nothing_are_counted():
    """Outputs of a leaky rectifier whose slope is no normal number: float32 has no factor for so small a range."""
    histogram = StreamingHistogram(1, BINS)
    histogram.add(torch.tensor([[0.0], [1e-40], [2e-38]]))
    assert histogram.counts.sum() == 3
    histogram.add(torch.ones(1, 1))
    assert histogram.quantile(1.0) == 1


def test_a_quantile_of_mostly_zeros_is_zero():
    assert filled([torch.tensor([0.0] * 9 + [5.0])]).quantile(0.5)[0] == 0


def site(channels: int) -> Op:
    return Op("relu", "relu", Role.ACTIVATION, "", "", (channels, 6, 6))


def numel(root: object) -> int:
    """Elements of all tensors that can be reached from an object, modules and classes left out."""
    seen, found, stack = set(), {}, [root]
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, type) or type(item).__name__ == "module":
            continue
        seen.add(id(item))
        if isinstance(item, Tensor):
            found[id(item)] = item.untyped_storage().nbytes() // item.element_size()
            continue
        stack.extend(_parts(item))
    return sum(found.values())


def _parts(item: object) -> Iterator[object]:
    if isinstance(item, dict | list | tuple | set) or hasattr(item, "__dict__"):
        yield from (part for part in gc.get_referents(item) if not callable(part) or isinstance(part, nn.Module))


@pytest.mark.parametrize("granularity", ["layer", "channel"])
@pytest.mark.parametrize("method", METHODS)
def test_observers_keep_as_much_after_one_batch_as_after_many(method, granularity):
    rule = shortened(type(METHODS[method]), granularity=granularity).parts().scale
    _check_memory(rule, {"layer": 1, "channel": 2}[granularity])


def test_maxima_of_single_neurons_are_one_number_each():
    _check_memory(MaximumRule("neuron"), 2)


def _check_memory(rule: ScaleRule, growth: int) -> None:
    """As much after one batch as after thirty, and ``growth`` times as much for twice the channels."""
    kept = {}
    for channels in (4, 8):
        observer = rule.observer(site(channels), nn.ReLU())
        for count in range(30):
            (fed,) = rule.feed(torch.randn(5, channels, 6, 6, dtype=torch.float64), 10**6)
            observer(fed * (1 + count))
            if count == 0:
                first = numel(observer)
        kept[channels] = numel(observer)
        assert kept[channels] == first > 0
    assert kept[8] == kept[4] * growth


def test_the_ruler_measures():
    holder = nn.Module()
    holder.statistics = {"kept": [torch.zeros(7), torch.zeros(100)[:1]]}
    assert numel(holder) == 107
