"""One streaming pass: observers in the place of every activation, thresholds out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, fx

from isospike.calibrate.batches import Batches
from isospike.errors import CalibrationError
from isospike.graphs.fitting import misfit
from isospike.graphs.graph import Graph, op_of
from isospike.inputs import Inputs, each
from isospike.memory_format import channels_last
from isospike.messages import warn
from isospike.ops import Role
from isospike.scales.rule import Observer, Passive, ScaleRule, Together, Watched, smallest_threshold

MASK = "attention_mask"
"""The input that is 1 at the tokens of a text and 0 at its padding, as Hugging Face calls it."""
AT_ONCE = 512 * 2**20
"""Bytes of one value while a rule runs its own simulation."""


def collect_scales(graph: Graph, rule: ScaleRule, batches: Batches) -> dict[str, Tensor]:
    """The threshold of every activation site, in activation units.

    A threshold of zero, of a channel that never received a positive current or whose percentile is zero, becomes the
    smallest that is safe to divide by, which marks it as silent; see `audible`.

    Raises:
        CalibrationError: the data do not fit the network, or NaN or infinity reached a site (named).
    """
    (found,) = collect([watch(graph, rule)], batches)
    return found


@dataclass(frozen=True)
class Watch:
    """A rule's observers at sites of a graph, before they have seen anything."""

    graph: Graph
    rule: ScaleRule
    rules: dict[str, ScaleRule]
    """The rule as it is for each site."""
    observers: dict[str, Observer]

    @property
    def passive(self) -> bool:
        """Whether it changes nothing of what others see, so that it can share a pass with them."""
        return all(isinstance(observer, Passive) for observer in self.observers.values())

    def only(self, wanted: Callable[[str, ScaleRule], bool]) -> Watch:
        """Without the observers of sites that are not wanted."""
        kept = {site: observer for site, observer in self.observers.items() if wanted(site, self.rules[site])}
        return replace(self, observers=kept)

    def on(self, graph: Graph) -> Watch:
        """The same on another graph with the same sites."""
        return replace(self, graph=graph)

    def scales(self) -> dict[str, Tensor]:
        """The thresholds of the observed sites."""
        return {site: _guard(observer.scale()) for site, observer in self.observers.items()}


def watch(graph: Graph, rule: ScaleRule) -> Watch:
    """Observers of a rule at all sites of a graph.

    Raises:
        CalibrationError: the rule cannot serve a site.
        OptionError: the rule names a number of sites that is not the graph's.
    """
    nodes, rules = graph.nodes_with(Role.ACTIVATION), rules_of(graph, rule)
    observers = {op_of(n).name: rules[op_of(n).name].observer_in(graph, n) for n in nodes}
    return Watch(graph, rule, rules, observers)


def rules_of(graph: Graph, rule: ScaleRule) -> dict[str, ScaleRule]:
    """A rule as it is for each site of a graph.

    Raises:
        OptionError: the rule names a number of sites that is not the graph's.
    """
    nodes = graph.nodes_with(Role.ACTIVATION)
    return {op_of(node).name: rule.at(index, len(nodes)) for index, node in enumerate(nodes)}


def collect(watches: Sequence[Watch], batches: Batches) -> list[dict[str, Tensor]]:
    """The thresholds of several rules: passive ones, whatever their graphs, in one pass; any other in its own.

    Raises:
        CalibrationError: as `collect_scales`.
    """
    together = [one for one in watches if one.passive]
    if together:
        counts = [one.rule.batches for one in together]
        most = None if None in counts else max(count for count in counts if count is not None)
        graphs = {id(one.graph): one.graph for one in together}
        views = [_together(graph, [one for one in together if one.graph is graph]) for graph in graphs.values()]
        for inputs in batches.take(most):
            for view in views:
                observe(view, [inputs])
    for one in watches:
        if not one.passive:
            most = samples_at_once(one.graph, batches.first)
            fed = (part for inputs in batches.take(one.rule.batches) for part in one.rule.feed(inputs, most))
            observe(_watched(one.graph, one.observers), fed)
    return [one.scales() for one in watches]


def samples_at_once(graph: Graph, like: Inputs) -> int:
    """The number of samples whose largest value in a graph takes `AT_ONCE` bytes."""
    largest = max(math.prod(op.shape) for op in graph.ops)
    return max(1, AT_ONCE // (largest * like.element_size()))


def _together(graph: Graph, watches: Sequence[Watch]) -> Graph:
    """A view with all observers of a site in its place."""
    observers: dict[str, list[Passive]] = {}
    for one in watches:
        for site, observer in one.observers.items():
            assert isinstance(observer, Passive)
            observers.setdefault(site, []).append(observer)
    return _watched(
        graph, {site: Together(found[0].op, found[0].activation, found) for site, found in observers.items()}
    )


def _watched(graph: Graph, observers: Mapping[str, Watched]) -> Graph:
    """A view with these in the place of activations."""
    view = graph.view()
    for node in view.nodes_with(Role.ACTIVATION):
        if op_of(node).name in observers:
            stand_in(view, node, observers[op_of(node).name])
    return view


def stand_in(graph: Graph, node: fx.Node, observer: Watched) -> None:
    """Put an observer in the place of an activation, in place; it is shown which tokens of a batch are padding."""
    graph.replace(node, observer)
    mask = next((one for one in graph.input_nodes if op_of(one).name == MASK and len(op_of(one).shape) == 1), None)
    if mask is not None:
        node.args = (*node.args, mask)


@torch.inference_mode()
def observe(graph: Graph, batches: Iterable[Inputs]) -> None:
    """Run checked batches through a graph for what its modules see."""
    for inputs in batches:
        check_inputs(graph, inputs)
        graph(channels_last(inputs))


def check_inputs(graph: Graph, inputs: Inputs, purpose: str = "calibration") -> None:
    """A batch must have the captured shape, the network's type of floats and its device, and be finite.

    Args:
        graph: the network.
        inputs: images ``[B, ...]``.
        purpose: what they are for, as the message says it.

    Raises:
        CalibrationError: it does not.
    """
    if isinstance(inputs, Tensor) and tuple(inputs.shape[1:]) != graph.input_shape:
        raise CalibrationError(
            f"a {purpose} batch has samples of shape {list(inputs.shape[1:])}, the network was captured with "
            f"{list(graph.input_shape)}; check channels and --size"
        )
    if isinstance(inputs, Tensor) and op_of(graph.input_node).numbers == "real" and not inputs.is_floating_point():
        raise CalibrationError(f"the {purpose} images are {inputs.dtype}; give floats, normalised for the network")
    wrong = misfit(graph, inputs)
    if wrong:
        raise CalibrationError(f"{purpose}: {wrong}")
    for tensor in each(inputs).values():
        _check_values(graph, tensor, purpose)


def _check_values(graph: Graph, inputs: Tensor, purpose: str) -> None:
    weight = next(iter(graph.parameters()), inputs)
    if weight.device != inputs.device or (inputs.is_floating_point() and weight.dtype != inputs.dtype):
        raise CalibrationError(
            f"the {purpose} data are {inputs.dtype} on {inputs.device}, the network is {weight.dtype} on "
            f"{weight.device}; convert one with .to()"
        )
    if not inputs.isfinite().all():
        raise CalibrationError(f"the {purpose} images contain NaN or infinity; check the data and the normalisation")


def _guard(theta: Tensor) -> Tensor:
    """Positive thresholds only; clones leave inference mode."""
    return theta.clamp(min=smallest_threshold(theta)).clone()


def _silent(theta: Tensor) -> Tensor:
    return theta <= smallest_threshold(theta)


def audible(bounds: dict[str, Tensor]) -> dict[str, Tensor]:
    """Thresholds with which every channel can speak: one that came out as zero is the largest of its site.

    What it should be is not known; near zero, a first positive current would send worthless spikes at every step. A
    site whose thresholds are all zero takes the largest of the network, with a warning.
    """
    highest = torch.stack([theta.max() for theta in bounds.values()]).max()
    mute = [site for site, theta in bounds.items() if _silent(theta).all()]
    if mute:
        warn(
            f"every threshold at {', '.join(mute)} came out as zero and is now the largest of the network: the "
            "calibration images never drive the layer, or its percentile is zero; give other images or a higher one"
        )
    return {
        site: torch.where(_silent(theta), highest if site in mute else theta.max(), theta)
        for site, theta in bounds.items()
    }


def silent_channels(bounds: dict[str, Tensor]) -> dict[str, int]:
    """Number of thresholds of every site that came out as zero; sites without any are left out."""
    counts = {site: int(_silent(theta).sum()) for site, theta in bounds.items()}
    return {site: count for site, count in counts.items() if count}
