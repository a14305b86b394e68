"""The gaussian rule without data: batch normalisations say what currents are like."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, fx, nn

from isospike.errors import CalibrationError
from isospike.graphs.graph import Graph, argument, op_of
from isospike.graphs.normalised import ChannelMoments
from isospike.graphs.op import Op
from isospike.scales.gaussian import GaussianRule, NormalCurrents
from isospike.scales.normal_moments import normal_moments
from isospike.scales.rule import Observer, rules


@dataclass(frozen=True)
class BatchNormRule(GaussianRule):
    """`GaussianRule` with the mean and variance that batch normalisations leave, ``beta`` and ``gamma^2``: no data.

    Through residual sums, rectifiers, padding and average pools the moments are followed as if all currents were normal
    and branches independent, see `isospike.scales.normal_moments`. Good for a first look; a few images in the gaussian
    or the mmse rule are better. Networks without batch normalisation, and sites behind a max pool without one between,
    are refused. Calibration data are still asked for, to capture the network and for refinements.
    """

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """Never asked: a site alone says nothing.

        Raises:
            CalibrationError: always.
        """
        raise CalibrationError(
            f"site '{op.name}' alone has no batch normalisation; the rule batch-norm needs a network"
        )

    def observer_in(self, graph: Graph, node: fx.Node) -> Observer:
        """With the moments of the value that the site reads.

        Raises:
            CalibrationError: there is no batch normalisation behind it.
        """
        assert isinstance(self.levels, int), "levels of several sites; ask for the rule at one"
        return _Normalised(op_of(node), graph.module_of(node), self, normal_moments(graph, argument(node)))


class _Normalised(NormalCurrents):
    """Has all that it needs."""

    def __init__(self, op: Op, activation: nn.Module, rule: GaussianRule, moments: ChannelMoments) -> None:
        super().__init__(op, activation, rule)
        mean, variance = moments.mean, moments.variance
        if self.granularity == "layer":
            variance = (variance.mean() + mean.var(correction=0)).reshape(1)
            mean = mean.mean().reshape(1)
        self.moments = ChannelMoments(mean, variance)

    def see(self, z: Tensor, a: Tensor) -> None:
        """Take the number format."""
        self.dtype = z.dtype
        self.moments = ChannelMoments(self.moments.mean.to(z.device), self.moments.variance.to(z.device))

    def found(self) -> ChannelMoments:
        """Those of the network."""
        return self.moments


rules.register("batch-norm", BatchNormRule)
