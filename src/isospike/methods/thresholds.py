"""The thresholds of one network: requested first, then found, once for all methods that want them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import Watch, collect, rules_of, watch
from isospike.graphs.graph import Graph
from isospike.methods.method import Method
from isospike.methods.parts import Parts
from isospike.methods.signed_sites import check_signed_sites
from isospike.scales.rule import ScaleRule

Key = tuple[Hashable, ScaleRule, str]
"""Preparation of the graph, rule and site."""


@dataclass(frozen=True)
class Request:
    """Observers of one scale rule on the graph that is calibrated for it, before they have seen anything."""

    preparation: Hashable
    """Which of the graphs it is: equal ones are calibrated together."""
    watch: Watch

    @property
    def passive(self) -> bool:
        """Whether it can share a pass over the data with others; local threshold balancing and Spike-Norm cannot."""
        return self.watch.passive


@dataclass(frozen=True)
class Thresholds:
    """What scale rules found on calibration data, by the graph that was calibrated, rule and site."""

    graph: Graph
    """The folded network."""
    calibrated: Mapping[Hashable, Graph] = field(default_factory=dict)
    """The graphs that were calibrated, by preparation."""
    found: Mapping[Key, Tensor] = field(default_factory=dict)
    """The threshold of every site, in activation units."""

    def prepared(self, parts: Parts) -> Graph:
        """The graph that was calibrated for these parts; not to be changed."""
        return self.calibrated[parts.preparation(self.graph)]

    def of(self, parts: Parts) -> dict[str, Tensor]:
        """The thresholds of these parts by site, which were requested and found."""
        key = parts.preparation(self.graph)
        return {site: self.found[key, rule, site] for site, rule in rules_of(self.calibrated[key], parts.scale).items()}


def requests(graph: Graph, method: Method) -> list[Request]:
    """What a method wants of a folded graph, for every number of steps that it makes a network for.

    Raises:
        ConversionError: the method cannot serve signed sites.
        CalibrationError: the scale rule cannot serve a site.
        OptionError: options for each site are not as many as the sites.
    """
    wanted = [method.parts_for(steps) for steps in method.horizons]
    prepared = [parts.prepare(graph) for parts in wanted]
    check_signed_sites(prepared[0], method)
    return [
        Request(parts.preparation(graph), watch(ready, parts.scale))
        for parts, ready in zip(wanted, prepared, strict=True)
    ]


def find_thresholds(
    graph: Graph, wanted: Iterable[Request], batches: Batches, *, known: Thresholds | None = None
) -> Thresholds:
    """The thresholds that are wanted, beside those that are known already.

    All rules that only watch are served by one pass over the data; what two of them want alike is found once. A rule
    that changes what the next layer sees has a pass of its own.

    Raises:
        CalibrationError: the data do not fit, or NaN or infinity reached a site.
    """
    calibrated, found = (dict(known.calibrated), dict(known.found)) if known else ({}, {})
    missing: list[Request] = []
    asked = set(found)
    for request in wanted:
        graph_of_all = calibrated.setdefault(request.preparation, request.watch.graph)
        new = _missing(request, graph_of_all, asked)
        asked |= {(new.preparation, new.watch.rules[site], site) for site in new.watch.observers}
        missing += [new] if new.watch.observers else []
    for request, scales in zip(missing, collect([request.watch for request in missing], batches), strict=True):
        found |= {(request.preparation, request.watch.rules[site], site): theta for site, theta in scales.items()}
    return Thresholds(graph, calibrated, found)


def _missing(request: Request, graph: Graph, asked: set[Key]) -> Request:
    """What nobody has asked for yet, on the graph that all calibrate together."""
    key = request.preparation
    return Request(key, request.watch.on(graph).only(lambda site, rule: (key, rule, site) not in asked))
