"""The thresholds of one network, found once for all methods that want them."""

from __future__ import annotations

from collections.abc import Hashable

from torch import Tensor

from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import Watch, collect, watch
from isospike.capture.graph import Graph
from isospike.methods.parts import Parts
from isospike.scales.rule import ScaleRule


class Thresholds:
    """What scale rules find on calibration data, by the graph that is calibrated, rule and site.

    Rules that only watch are requested first and then found in one pass over the data; two that count alike count
    once. Rules that change what the next layer sees (local threshold balancing, Spike-Norm) have a pass of their own,
    when they are first asked for.

    Args:
        graph: the folded network.
        batches: calibration inputs.
    """

    def __init__(self, graph: Graph, batches: Batches) -> None:
        self.graph = graph
        self.batches = batches
        self._prepared: dict[Hashable, Graph] = {}
        self._requested: list[tuple[Hashable, Watch]] = []
        self._found: dict[tuple[Hashable, ScaleRule, str], Tensor] = {}

    def prepared(self, parts: Parts) -> Graph:
        """The graph that is calibrated for these parts; not to be changed."""
        key = parts.neurons.preparation(self.graph)
        if key not in self._prepared:
            self._prepared[key] = parts.neurons.prepare(self.graph)
        return self._prepared[key]

    def request(self, parts: Parts) -> None:
        """Have the thresholds of these parts found in the next pass.

        Raises:
            CalibrationError: the rule cannot serve a site.
            OptionError: the rule names a number of sites that is not the graph's.
        """
        key = parts.neurons.preparation(self.graph)
        asked = {(kind, one.rules[site], site) for kind, one in self._requested for site in one.observers}
        missing = self._missing(parts).only(lambda site, rule: (key, rule, site) not in asked)
        if missing.observers and missing.passive:
            self._requested.append((key, missing))

    def collect(self) -> None:
        """Find what was requested.

        Raises:
            CalibrationError: the data do not fit, or NaN or infinity reached a site.
        """
        requested, self._requested = self._requested, []
        self._keep(requested)

    def of(self, parts: Parts) -> dict[str, Tensor]:
        """The thresholds of these parts by site, found now where they are not known.

        Raises:
            CalibrationError, OptionError: as `request` and `collect`.
        """
        key, missing = parts.neurons.preparation(self.graph), self._missing(parts)
        if missing.observers:
            self._keep([(key, missing)])
        return {site: self._found[key, rule, site] for site, rule in missing.rules.items()}

    def _missing(self, parts: Parts) -> Watch:
        key = parts.neurons.preparation(self.graph)
        return watch(self.prepared(parts), parts.scale).only(lambda site, rule: (key, rule, site) not in self._found)

    def _keep(self, watches: list[tuple[Hashable, Watch]]) -> None:
        found = collect([one for _, one in watches], self.batches)
        for (key, one), scales in zip(watches, found, strict=True):
            for site, theta in scales.items():
                self._found[key, one.rules[site], site] = theta
