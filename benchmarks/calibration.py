"""What calibrating costs, in forward passes of the user's own model over the same batches."""

from __future__ import annotations

import argparse
import dataclasses
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect_scales
from isospike.graphs import Graph
from isospike.memory_format import weights_channels_last
from isospike.methods import Method, methods
from isospike.scales import LearnedRule, ScaleRule, SpikeNormRule
from networks import inputs
from rounds import Timer, medians, ratio, stopwatch, take_turns

BATCHES = 10
BAR = 1.5


def measure(model: nn.Module, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of every rule of one pass and of the plain model over ``BATCHES`` batches, taking turns.

    Of the methods that have one rule the first stands for all; rules that simulate a network take its steps in passes.
    """
    first = options.seed + 1
    batches = [inputs(options.batch, seed) for seed in range(first, first + BATCHES)]
    graph = iso.fold_batch_norm(iso.capture(model, batches[0]))
    weights_channels_last(graph)  # as iso.convert does
    timers = {"model": stopwatch(partial(_forward, model, batches))}
    by_rule = {repr(_limited(rule)): name for name, rule in reversed(_rules().items())}
    timers |= {name: _calibration(graph, methods[name](), batches) for name in reversed(by_rule.values())}
    seconds = take_turns(timers, options.repeats, warm_up=True)
    names = [name for name in seconds if name != "model"]
    return {
        "batches": BATCHES,
        "scale_rules": {name: repr(_limited(methods[name]().parts().scale)) for name in names},
        "seconds": seconds,
        "median_seconds": medians(seconds),
        "ratios": {name: ratio(seconds[name], seconds["model"]) for name in names},
    }


@torch.inference_mode()
def _forward(model: nn.Module, batches: list[Tensor]) -> None:
    for batch in batches:
        model(batch)


def _rules() -> dict[str, ScaleRule]:
    """By method its rule, where that finds bounds itself and feeds the network one pass of a batch."""
    rules = {name: kind().parts().scale for name, kind in methods.items()}
    found = {name: rule.otherwise if isinstance(rule, LearnedRule) else rule for name, rule in rules.items()}
    return {
        name: rules[name] for name, rule in found.items() if rule is not None and not isinstance(rule, SpikeNormRule)
    }


def _calibration(graph: Graph, method: Method, batches: list[Tensor]) -> Timer:
    parts = method.parts()
    prepared, rule = parts.prepare(graph), _limited(parts.scale)
    return stopwatch(lambda: collect_scales(prepared, rule, Batches(batches)))


def _limited(rule: ScaleRule) -> ScaleRule:
    """The rule over ``BATCHES`` batches; one that says itself how many it wants calls them iterations."""
    if isinstance(rule, LearnedRule):
        return rule if rule.otherwise is None else dataclasses.replace(rule, otherwise=_limited(rule.otherwise))
    return rule if rule.batches is None else dataclasses.replace(rule, iterations=BATCHES)


def bars(calibration: dict[str, Any]) -> dict[str, Any]:
    """The slowest rule against the bar."""
    measured = max(value["median"] for value in calibration["ratios"].values())
    return {"calibration_over_model": {"bar": BAR, "better": "lower", "measured": measured, "met": measured <= BAR}}
