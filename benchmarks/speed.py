"""Times of a simulation against its own ANN and against the peer, in rounds."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor

import isospike as iso
from networks import inputs
from peer_client import Peer
from rounds import Timer, medians, ratio, stopwatch, take_turns

PAUSE = 0.05
SWEEP = (4, 8, 16, 32)
BAR = 1.5


def measure(snn: iso.SNN, peer: Peer | None, options: argparse.Namespace) -> dict[str, Any]:
    """ANN, both executors and the peer's ANN and step modes, taking turns."""
    x = inputs(options.batch, options.seed)
    timers = {"ann": ann_timer(snn, x)}
    timers |= {name: snn_timer(snn, x, options.steps, name, options.memory) for name in ("layer", "step")}
    timers |= peer.timers() if peer is not None else {}
    seconds = take_turns(timers, options.repeats, warm_up=True, pause=PAUSE)
    middle = medians(seconds)
    spiking = [name for name in timers if name not in ("ann", "peer_ann")]
    ratios = {f"{name}_over_steps_x_ann": ratio(seconds[name], seconds["ann"], options.steps) for name in spiking}
    fastest = None
    if peer is not None:
        fastest = min(("peer_s", "peer_m"), key=lambda name: middle[name])
        ratios["peer_ann_over_ann"] = ratio(seconds["peer_ann"], seconds["ann"])
        ratios["peer_over_layer"] = ratio(seconds[fastest], seconds["layer"])
        ratios["peer_over_step"] = ratio(seconds[fastest], seconds["step"])
    return {"seconds": seconds, "median_seconds": middle, "fastest_peer_mode": fastest, "ratios": ratios}


def sweep(snn: iso.SNN, options: argparse.Namespace) -> dict[str, Any]:
    """The layer executor at every T in ``SWEEP``, over T ANN passes of the same round."""
    x = inputs(options.batch, options.seed)
    timers = {"ann": ann_timer(snn, x)}
    timers |= {str(steps): snn_timer(snn, x, steps, "layer", options.memory) for steps in SWEEP}
    seconds = take_turns(timers, options.repeats, warm_up=True)
    ratios = {str(steps): ratio(seconds[str(steps)], seconds["ann"], steps) for steps in SWEEP}
    return {"seconds": seconds, "median_seconds": medians(seconds), "layer_over_steps_x_ann": ratios}


def ann_timer(snn: iso.SNN, x: Tensor) -> Timer:
    """One pass of the folded ANN: the unit of every time here."""
    return stopwatch(partial(_forward, snn.ann(), x.contiguous(memory_format=torch.channels_last)))


@torch.inference_mode()
def _forward(ann: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return ann(x)


def snn_timer(snn: iso.SNN, x: Tensor, steps: int, executor: str, memory: int) -> Timer:
    """One simulation of ``steps`` steps as a user calls it; ``memory`` is the budget in MiB."""
    record = iso.Record(outputs=False)
    run = partial(iso.simulate, snn, x, record=record, executor=executor, memory_budget=memory << 20)
    return stopwatch(partial(run, steps=steps))


def spike_rate(snn: iso.SNN, options: argparse.Namespace) -> dict[str, Any]:
    """Spikes per neuron and step, over all sites and over the least and most active one."""
    run = iso.simulate(snn, inputs(options.batch, options.seed), steps=options.steps, record=iso.Record(outputs=False))
    neurons = {op.name: prod(op.shape) for op in snn.graph.ops if op.name in snn.sites}
    samples_times_steps = options.batch * options.steps
    spikes = {site: int(counts.sum()) for site, counts in run.spikes.items()}
    rates = [spikes[site] / (neurons[site] * samples_times_steps) for site in neurons]
    return {
        "neurons": sum(neurons.values()),
        "sites": len(neurons),
        "mean": sum(spikes.values()) / (sum(neurons.values()) * samples_times_steps),
        "lowest_site": min(rates),
        "highest_site": max(rates),
    }


def bars(speed: dict[str, Any]) -> dict[str, Any]:
    """Layer against the peer's faster mode; no verdict where the peer did not run."""
    against = speed["ratios"].get("peer_over_layer")
    measured = None if against is None else against["median"]
    met = None if measured is None else measured >= BAR
    return {"layer_vs_spikingjelly": {"bar": BAR, "better": "higher", "measured": measured, "met": met}}
