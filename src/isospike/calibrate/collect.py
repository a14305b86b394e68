"""One streaming pass: an observer in the place of every activation, thresholds out."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from isospike.calibrate.batches import Batches
from isospike.capture.graph import Graph, op_of
from isospike.capture.roles import Role
from isospike.errors import CalibrationError
from isospike.memory_format import channels_last
from isospike.scales.rule import Observer, ScaleRule, smallest_threshold


def collect_scales(graph: Graph, rule: ScaleRule, batches: Batches) -> dict[str, Tensor]:
    """The threshold of every activation site, in activation units.

    A channel that never received a positive current gets the smallest threshold that is safe to divide by: it
    stays silent for such data.

    Raises:
        CalibrationError: the data do not fit the network, or NaN or infinity reached a site (named).
    """
    observed = graph.view()
    observers: dict[str, Observer] = {}
    for node in observed.nodes_with(Role.ACTIVATION):
        observer = rule.observer(op_of(node), observed.module_of(node))
        observers[op_of(node).name] = observer
        observed.replace(node, observer)
    observe(observed, map(rule.feed, batches.take(rule.batches)))
    return {name: _guard(observer.scale()) for name, observer in observers.items()}


@torch.inference_mode()
def observe(graph: Graph, batches: Iterable[Tensor]) -> None:
    """Run checked batches through a graph for what its modules see."""
    for inputs in batches:
        check_inputs(graph, inputs)
        graph(channels_last(inputs))


def check_inputs(graph: Graph, inputs: Tensor) -> None:
    """The batch must have the captured shape, the network's type of floats and its device, and be finite.

    Raises:
        CalibrationError: it does not.
    """
    if tuple(inputs.shape[1:]) != graph.input_shape:
        raise CalibrationError(
            f"a calibration batch has samples of shape {list(inputs.shape[1:])}, the network was captured with "
            f"{list(graph.input_shape)}; check channels and --size"
        )
    if not inputs.is_floating_point():
        raise CalibrationError(f"the calibration images are {inputs.dtype}; give floats, normalised for the network")
    weight = next(iter(graph.parameters()), inputs)
    if weight.device != inputs.device or weight.dtype != inputs.dtype:
        raise CalibrationError(
            f"the calibration data are {inputs.dtype} on {inputs.device}, the network is {weight.dtype} on "
            f"{weight.device}; convert one with .to()"
        )
    if not inputs.isfinite().all():
        raise CalibrationError("the calibration images contain NaN or infinity; check the data and the normalisation")


def _guard(theta: Tensor) -> Tensor:
    """Positive thresholds only; clones leave inference mode."""
    return theta.clamp(min=smallest_threshold(theta)).clone()


def silent_channels(bounds: dict[str, Tensor]) -> dict[str, int]:
    """Number of thresholds of every site that never received a positive current; sites without any are left out."""
    counts = {site: int((theta <= smallest_threshold(theta)).sum()) for site, theta in bounds.items()}
    return {site: count for site, count in counts.items() if count}
