"""Every event followed through every synapse, one after the other, in plain loops."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from torch import nn

import isospike as iso
from isospike.costs import INPUT
from isospike.graphs import Role
from isospike.graphs.graph import op_of

Events = np.ndarray[Any, Any]
"""How many events every neuron sent, without a batch axis."""


def events_of(snn: iso.SNN, x: Any, steps: int | None) -> dict[str, Events]:
    """Events at every neuron, and behind every max pool, from the trains themselves, summed over images and steps."""
    found: dict[str, Events] = {}

    def watch(name: str, train: Any) -> None:
        found[name] = found.get(name, 0) + (train != 0).sum((0, 1)).numpy()

    executor = "step" if snn.times.steps is None else "stepped"
    iso.simulate(snn, x, steps=steps, executor=executor, record=iso.Record(outputs=False, watch=watch))
    return found


def synapses_one_by_one(snn: iso.SNN, events: dict[str, Events]) -> dict[tuple[str, str], int]:
    """By source and op, how many synapses the events went through; of the image, one event a pixel from INPUT."""
    image = np.ones(snn.graph.input_shape, dtype=np.int64)
    arriving: dict[Any, dict[str, Events]] = {snn.graph.input_node: {INPUT: image}}
    counts: dict[tuple[str, str], int] = {}
    for node in snn.graph.op_nodes():
        op = op_of(node)
        sources = [source for source in node.all_input_nodes if source in arriving]
        shapes = [op_of(source).shape for source in sources]
        module = snn.graph.module_of(node) if node.op == "call_module" else None
        read = arriving[sources[0]]
        arriving[node] = {}
        if op.role is Role.ACTIVATION:
            for source, found in read.items():
                counts[source, op.name] = sum(int(found[index]) for index in np.ndindex(found.shape))
            counts.pop((INPUT, op.name), None)  # a current of its own, not a product
            arriving[node] = {op.name: events[op.name]}
        elif op.role is Role.MAX_POOL:
            pooled_image = {INPUT: np.ones(op.shape, dtype=np.int64)}
            spikes = {op.name: events[op.name]} if read and op.name in events else {}
            arriving[node] = pooled_image if set(read) == {INPUT} else spikes
        elif op.kind == "add":
            for source in sources:
                for name, found in arriving[source].items():
                    counts[name, op.name] = counts.get((name, op.name), 0) + int(sum(found.flatten().tolist()))
            counts.pop((INPUT, op.name), None)
        elif "conv" in op.kind:
            for source, found in read.items():
                counts[source, op.name] = convolution(found, module, op.shape)
            if set(read) == {INPUT}:  # what depends on the image alone is as the image is
                arriving[node] = {INPUT: np.ones(op.shape, dtype=np.int64)}
        elif op.kind == "linear":
            for source, found in read.items():
                counts[source, op.name] = linear(found, module)
        elif op.kind == "cat":
            arriving[node] = joined([arriving[source] for source in sources], shapes)
        else:
            arriving[node] = {source: passed(found, op, node, module) for source, found in read.items()}
    return {key: count for key, count in counts.items() if count}


def convolution(events: Events, layer: Any, shape: tuple[int, ...]) -> int:
    """From every event to every output that one of the weights leads to."""
    transposed = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    inputs, outputs = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    padding = [k // 2 for k in layer.kernel_size] if layer.padding == "same" else layer.padding
    total = 0
    for channel, *position in np.ndindex(events.shape):
        group = channel // inputs
        for _ in range(group * outputs, (group + 1) * outputs):
            for offset in product(*map(range, layer.kernel_size)):
                axes = zip(position, offset, layer.stride, padding, layer.dilation, shape[1:], strict=True)
                reached = True
                for p, k, stride, pad, dilation, size in axes:
                    numerator = p * stride - pad + k * dilation if transposed else p + pad - k * dilation
                    divisor = 1 if transposed else stride
                    reached &= numerator % divisor == 0 and 0 <= numerator // divisor < size
                if reached:
                    total += int(events[(channel, *position)])
    return total


def linear(events: Events, layer: Any) -> int:
    return sum(int(events[index]) for index in np.ndindex(events.shape) for _ in range(layer.out_features))


def joined(parts: list[dict[str, Events]], shapes: list[tuple[int, ...]]) -> dict[str, Events]:
    """Channel behind channel; what another branch brings is silent for this source."""
    found: dict[str, Events] = {}
    for index, part in enumerate(parts):
        for source, events in part.items():
            silent = [np.zeros(shape, dtype=np.int64) for shape in shapes]
            silent[index] = events
            both = np.concatenate(silent)
            found[source] = found[source] + both if source in found else both
    return found


def passed(events: Events, op: Any, node: Any, module: Any) -> Events:
    """What arrives behind an average pool, a mean, or a reshape."""
    if op.kind == "reshape" or op.kind in ("view", "flatten"):
        return events.reshape(op.shape)
    if op.kind == "mean":
        return events.sum(tuple(axis - 1 if axis > 0 else axis for axis in node.args[1])).reshape(op.shape)
    assert "avg_pool" in op.kind, op.kind
    pooled = np.zeros(op.shape, dtype=np.int64)
    for channel, *position in np.ndindex(op.shape):
        for inside in product(*(window(p, i, events, op, module) for i, p in enumerate(position))):
            pooled[(channel, *position)] += events[(channel, *inside)]
    return pooled


def window(position: int, axis: int, events: Events, op: Any, pool: Any) -> range:
    """The inputs of one output along one axis."""
    size = events.shape[1 + axis]
    if op.kind.startswith("adaptive"):
        outputs = op.shape[1 + axis]
        return range(position * size // outputs, -(-(position + 1) * size // outputs))
    kernel, stride, padding = (
        value[axis] if isinstance(value, tuple) else value for value in (pool.kernel_size, pool.stride, pool.padding)
    )
    first = position * stride - padding
    return range(max(first, 0), min(first + kernel, size))
